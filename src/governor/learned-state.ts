import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, renameSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { GranaryError } from '../errors.ts';
import type { TrackedToolState } from './adaptive-resource-manager.ts';
import type { TrackedResourceState } from './patterns/tracked-resource.ts';
import { RESOURCES } from './resource-limits.ts';

/** What has been learned, by tool. */
export type LearnedState = ReadonlyMap<string, TrackedToolState>;

const FORMAT = 'granary-limits';
const VERSION = 1;
const LARGEST_BYTES = 256 * 1_048_576;

/** @returns a line that tells format, version and checksum, and a line of JSON */
export function encodeState(state: LearnedState): string {
  const body = JSON.stringify([...state]);
  return `${JSON.stringify({ format: FORMAT, version: VERSION, sha256: digest(body) })}\n${body}\n`;
}

/** @throws `ERR_GRANARY_BAD_DUMP` for what is damaged, cut, or of another version; nothing of it is taken then */
export function decodeState(text: string): LearnedState {
  const end = text.indexOf('\n');
  const header = parse(text.slice(0, end)) as Partial<Record<string, unknown>> | undefined;
  if (header?.['format'] !== FORMAT) throw badState(`it does not begin with ${FORMAT}`);
  if (header['version'] !== VERSION) {
    throw badState(`its version is ${String(header['version'])}, not ${VERSION}`);
  }
  const body = text.slice(end + 1, -1);
  if (header['sha256'] !== digest(body)) throw badState('its checksum does not fit');
  const entries = parse(body);
  if (!Array.isArray(entries)) throw badState('it holds no list of tools');
  return new Map(entries.map(checkEntry));
}

/** @returns what a file holds; `undefined` where there is none */
export function readState(file: string): LearnedState | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (text.length > LARGEST_BYTES) throw badState(`it is larger than ${LARGEST_BYTES} bytes`);
  return decodeState(text);
}

/** Replaces a file by what was learned, in one step: whoever reads it sees the old or the new. */
export async function writeState(file: string, state: LearnedState): Promise<void> {
  const next = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(next, encodeState(state), { mode: 0o600 });
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}

/** Puts a file that cannot be read aside, so that it is not overwritten. */
export function putAside(file: string): string {
  const aside = `${file}.damaged`;
  renameSync(file, aside);
  return aside;
}

function digest(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function badState(problem: string): GranaryError {
  return new GranaryError('ERR_GRANARY_BAD_DUMP', `these are no learned limits: ${problem}`);
}

/** A checksum tells that nothing was damaged, not that it was us who wrote it. */
function checkEntry(entry: unknown): [string, TrackedToolState] {
  if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !isObject(entry[1])) {
    throw badState('a tool has no name or no state');
  }
  const [toolId, state] = entry as [string, TrackedToolState];
  for (const resource of RESOURCES) {
    const one = state[resource];
    if (one !== undefined && !isWhole(one)) throw badState(`${resource} of ${toolId} is not whole`);
  }
  return [toolId, state];
}

function isWhole({ policy, whole, pattern }: Partial<TrackedResourceState>): boolean {
  if (!isObject(policy) || !isObject(whole) || !isObject(pattern)) return false;
  const { limit, firstMs, lastMs, latest, sum, weight, taught, peaks, season } = policy;
  const amounts = [limit, latest, sum, weight, taught, pattern.averageUsage, whole.binMs];
  const times = [firstMs, lastMs, peaks?.from, whole.firstBin];
  return (
    amounts.every((amount) => Number.isFinite(amount) && amount >= 0) &&
    times.every((time) => Number.isFinite(time)) &&
    isPeaks(peaks?.peaks, 400) &&
    isPeaks(whole.peaks, 4_096) &&
    Array.isArray(season) &&
    season.length === 2 &&
    season.every((time) => time === null || Number.isFinite(time))
  );
}

function isPeaks(peaks: unknown, most: number): boolean {
  return (
    Array.isArray(peaks) &&
    peaks.length <= most &&
    peaks.every((peak) => peak === null || (Number.isFinite(peak) && peak >= 0))
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
