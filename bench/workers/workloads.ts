import { ANSWERS } from './answers.ts';
import { COHERENCE } from './coherence.ts';
import { MEMORY } from './memory.ts';
import { NEAR_HIT } from './near-hit.ts';
import { ORIGIN } from './origin.ts';
import type { ThreadWorkload } from './thread-scope.ts';

/** By name. */
export const WORKLOADS: ReadonlyMap<string, ThreadWorkload> = new Map([
  ['answers', ANSWERS],
  ['near-hit', NEAR_HIT],
  ['memory', MEMORY],
  ['origin', ORIGIN],
  ['coherence', COHERENCE],
]);
