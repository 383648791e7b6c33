import type { TemplateSyntax, VariableKind } from './template-syntax.ts';

/** Counts the characters that a match looked at, so that a test can hold it to its bound. */
export interface MatchWork {
  characters: number;
}

const SLASH = 47;
const QUESTION_MARK = 63;
const HASH = 35;

/** @returns the last index in [from, to) whose character the kind of variable excludes, or -1. */
function lastBarrier(uri: string, kind: VariableKind, from: number, to: number): number {
  for (let index = to - 1; index >= from; index--) {
    const code = uri.charCodeAt(index);
    if (code === QUESTION_MARK || code === HASH || (code === SLASH && kind === 'segment')) {
      return index;
    }
  }
  return -1;
}

/**
 * Where the literals after the path variables stand when the template matches `uri` up to `end`, as
 * greedily from the left as a regular expression would place them; `undefined` where it does not.
 * The caller has made sure that `uri` starts with the template's prefix.
 *
 * No backtracking. The placements that match form a lattice: of any two, the one that takes the
 * larger position for each literal matches too. So there is one greatest, it is the greedy one, and
 * it can be reached from above: every literal starts as far right as it can, and moves left only
 * where every match has it further left. Positions never grow, and what was found free of barriers
 * is not looked at again: each variable costs at most one pass over the URI, in all
 * O(|uri| · variables · longest literal), and usually one pass.
 */
export function placeLiterals(
  syntax: TemplateSyntax,
  uri: string,
  end: number,
  work?: MatchWork,
): readonly number[] | undefined {
  const { prefix, path } = syntax;
  const head = prefix.length;
  const last = path.at(-1);
  if (last === undefined) return end === head ? [] : undefined;
  const tail = end - last.after.length;
  if (tail <= head || !uri.endsWith(last.after, end)) return undefined;

  // at[i]: where the literal after variable i starts, or an upper bound of it until it is placed.
  // clear[i]: [clear[i], at[i]) is known to hold nothing that variable i excludes.
  const at = path.map(() => tail);
  const clear = path.map(() => tail);
  let index = path.length - 1;
  while (index >= 0) {
    const variable = path[index]!;
    const to = at[index]!;
    let from = head;
    if (index > 0) {
      const { after } = path[index - 1]!;
      const limit = Math.min(at[index - 1]!, to - 1 - after.length);
      if (limit <= head) return undefined;
      const found = uri.lastIndexOf(after, limit);
      if (work !== undefined) work.characters += limit - found + after.length;
      if (found <= head) return undefined;
      at[index - 1] = found;
      from = found + after.length;
    }
    if (variable.kind !== 'any') {
      const unknown = Math.min(clear[index]!, to);
      const barrier = lastBarrier(uri, variable.kind, from, unknown);
      if (work !== undefined) work.characters += unknown - Math.max(barrier, from);
      if (barrier !== -1) {
        // The literal before this variable can only move left, away from the barrier: so it is the
        // literal after it that must stand at or before the barrier. The last one cannot move.
        if (index === path.length - 1) return undefined;
        at[index] = barrier;
        index++;
        continue;
      }
      clear[index] = from;
    }
    index--;
  }
  return at;
}
