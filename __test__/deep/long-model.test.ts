import * as fc from 'fast-check';
import { describe, it } from 'vitest';

import { exactVariants, modelAgreement } from '../support/model-agreement.ts';

describe.each(exactVariants)('ResourceCache against a plain Map, at length ($title)', (variant) => {
  it('agrees over 6,000 random runs of up to 80 operations [DEEP-MODEL]', async () => {
    await fc.assert(modelAgreement(variant), { numRuns: 6_000 });
  }, 600_000);
});
