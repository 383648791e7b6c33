import { parseArgs } from 'node:util';

import { describeValue } from '../describe-value.ts';
import { UsageError } from './usage-error.ts';

/**
 * Options of a command by name, without dashes: `value` is followed by one, `values` too and may be
 * given several times, `flag` is not.
 */
export type OptionKinds = Readonly<Record<string, 'value' | 'values' | 'flag'>>;

/** What was typed, taken apart; nothing is converted yet. */
export interface CommandLine {
  readonly operands: readonly string[];
  /** By name; `''` for a flag. */
  readonly options: ReadonlyMap<string, string>;
  /** Of those that may be given several times, in order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

/**
 * Takes arguments apart by the rules of `node:util` (`--name value`, `--name=value`, `--` before
 * operands that begin with a dash), and refuses what it lets pass.
 *
 * @throws UsageError naming the option
 */
export function parseCommandLine(args: readonly string[], kinds: OptionKinds): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(kinds).map(([name, kind]) => [
        name,
        { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
    allowPositionals: true,
    // Its own complaints run over three lines and do not know what is allowed.
    strict: false,
    tokens: true,
  });
  const operands: string[] = [];
  const options = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) {
      const known = Object.keys(kinds).map((option) => `--${option}`);
      throw new UsageError(`unknown option ${rawName}, known are ${known.join(', ')}`);
    }
    if (options.has(name)) throw new UsageError(`${rawName} is given twice`);
    if (kind !== 'flag' && value === undefined) throw new UsageError(`${rawName} needs a value`);
    if (kind === 'flag' && value !== undefined) {
      throw new UsageError(`${rawName} takes no value, got ${describeValue(value)}`);
    }
    if (kind === 'values') lists.set(name, [...(lists.get(name) ?? []), value ?? '']);
    else options.set(name, value ?? '');
  }
  return { operands, options, lists };
}
