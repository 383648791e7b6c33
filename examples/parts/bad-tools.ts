// Tools that no server should have to suffer: each runs in a thread or process of its own.
import { setTimeout } from 'node:timers/promises';

/** Takes 8 MiB more each 5 ms, and never gives any back. */
export async function greedy(): Promise<never> {
  const kept: Buffer[] = [];
  for (;;) {
    kept.push(Buffer.alloc(8 * 1_048_576, kept.length));
    await setTimeout(5);
  }
}

/** Loops for ever, and listens to nobody. */
export function endless(): never {
  for (;;);
}
