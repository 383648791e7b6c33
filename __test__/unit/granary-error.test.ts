import { describe, expect, it } from 'vitest';

import type * as Errors from '../../src/errors.ts';
import { GranaryError } from '../../src/errors.ts';

// A module by another address is another copy of it, as a second installation of the package has.
const copy: typeof Errors = await import(
  new URL('../../src/errors.ts?second-copy', import.meta.url).href
);

describe('GranaryError', () => {
  it('is recognised across two copies of the package [ERROR-BRAND]', () => {
    expect(copy.GranaryError).not.toBe(GranaryError);
    const theirs = new copy.GranaryError('ERR_GRANARY_CLOSED', 'closed');
    expect(Object.getPrototypeOf(theirs)).not.toBe(GranaryError.prototype);
    expect(theirs).toBeInstanceOf(GranaryError);
    expect(new GranaryError('ERR_GRANARY_CLOSED', 'closed')).toBeInstanceOf(copy.GranaryError);
  });

  it.each([
    new Error('plain'),
    { code: 'ERR_GRANARY_CLOSED' },
    null,
    undefined,
    'ERR_GRANARY_CLOSED',
  ])('is not recognised in %s [ERROR-BRAND]', (value) => {
    expect(value instanceof GranaryError).toBe(false);
  });

  it('tells a class that extends it by identity, as any class [ERROR-BRAND]', () => {
    class Narrower extends GranaryError {}
    expect(new GranaryError('ERR_GRANARY_CLOSED', 'closed')).not.toBeInstanceOf(Narrower);
    expect(new Narrower('ERR_GRANARY_CLOSED', 'closed')).toBeInstanceOf(Narrower);
    expect(new Narrower('ERR_GRANARY_CLOSED', 'closed')).toBeInstanceOf(GranaryError);
  });

  it('carries code, cause and data, and shows its stack [ERROR-BRAND]', () => {
    const cause = new Error('why');
    const error = new GranaryError('ERR_GRANARY_BAD_URI', 'bad', { cause, data: { uri: 'x' } });
    expect(error).toMatchObject({ code: 'ERR_GRANARY_BAD_URI', cause, data: { uri: 'x' } });
    expect(error.stack).toContain('GranaryError: bad');
  });
});
