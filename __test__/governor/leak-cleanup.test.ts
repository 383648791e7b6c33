import { describe, expect, it } from 'vitest';
import { cleanUp } from '../../src/governor/leak-cleanup.ts';
import type { OpenHandle } from '../../src/governor/open-handle.ts';

/** A handle that closes at the given attempt; one that is made by no call of Node lets each attempt be counted. */
function stubborn(closesAt: number | 'force' | 'never'): OpenHandle & { attempts: string[] } {
  const attempts: string[] = [];
  let open = true;
  return {
    kind: 'descriptor',
    id: 7,
    stack: 'where it was opened',
    attempts,
    isOpen: () => open,
    close: () => {
      attempts.push('close');
      if (attempts.length === closesAt) open = false;
      else throw new Error('busy');
    },
    force: () => {
      attempts.push('force');
      if (closesAt === 'force') open = false;
    },
  };
}

const policy = { action: 'close', backOffMs: [0, 1, 2] } as const;

describe('clean-up of what is left open', () => {
  it.each([
    [1, ['close'], true],
    [3, ['close', 'close', 'close'], true],
    ['force', ['close', 'close', 'close', 'force'], true],
    ['never', ['close', 'close', 'close', 'force'], false],
  ] as const)(
    'asks, asks again, then forces, then tells what remains: %s [ISOLATION-RETRY]',
    async (closesAt, attempts, closed) => {
      const handle = stubborn(closesAt);
      const leaks = await cleanUp([handle], policy);
      expect(handle.attempts).toEqual(attempts);
      expect(leaks).toEqual([{ kind: 'descriptor', id: 7, stack: 'where it was opened', closed }]);
    },
  );

  it('touches nothing where it is only to report, or is not sure whose it is [ISOLATION-RETRY]', async () => {
    const handle = stubborn(1);
    const guessed: OpenHandle = { kind: 'descriptor', id: 8, stack: undefined, isOpen: () => true };
    const leaks = await cleanUp([handle, guessed], { ...policy, action: 'report' });
    expect(handle.attempts).toEqual([]);
    expect(leaks.map(({ closed }) => closed)).toEqual([false, false]);
    expect(await cleanUp([guessed], policy)).toEqual([
      { kind: 'descriptor', id: 8, closed: false },
    ]);
  });
});
