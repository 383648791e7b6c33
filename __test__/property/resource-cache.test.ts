import * as fc from 'fast-check';
import { describe, it } from 'vitest';

import { exactVariants, modelAgreement } from '../support/model-agreement.ts';

describe.each(exactVariants)('ResourceCache against a plain Map ($title)', (variant) => {
  it('agrees in results, size, weight, order and events [CACHE-LRU, HAZARD-13, BOUND-BOTH, CACHE-EVICT-ENTRIES, CACHE-EVICT-BYTES, CACHE-TOTAL-SIZE, CACHE-TTL, CACHE-TTL-FIXED, TTL-PER-ENTRY, TTL-IDLE, ACCESS-COUNT, HAZARD-5, EXPIRY-NONE-RETURNED, EVENT-EVICTED, EVENT-EXPIRED, EVENT-INVALIDATED, EVENT-ACCESSED, EVENT-LOADED]', async () => {
    await fc.assert(modelAgreement(variant), { numRuns: 400 });
  });
});
