import { MAX_DURATION_MS } from '../options.ts';
import type { IntegerRange } from './integer-option.ts';

/** A number that `granary proxy` may be given, by a flag or in its config file. */
export interface ProxyNumber extends IntegerRange {
  readonly flag: string;
  /** `undefined` = no limit. */
  readonly usual: number | undefined;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
/** An answer is one string, of which V8 makes none of 2²⁹ characters. */
const MAX_MESSAGE_BYTES = 256 * 1_048_576;
const ANY = Number.MAX_SAFE_INTEGER;

/** By the names that they have in the config file. */
export const PROXY_NUMBERS = {
  ttlMs: { flag: 'ttl', min: 0, max: MAX_DURATION_MS, unit: 'ms', usual: 60_000 },
  failSafeMs: { flag: 'fail-safe', min: 0, max: MAX_DURATION_MS, unit: 'ms', usual: 0 },
  maxEntries: { flag: 'max-entries', min: 1, max: 2 ** 24 - 1, unit: 'entries', usual: 10_000 },
  maxBytes: { flag: 'max-bytes', min: 1, max: ANY, unit: 'bytes', usual: 104_857_600 },
  maxMessageBytes: {
    flag: 'max-message-bytes',
    min: 1_024,
    max: MAX_MESSAGE_BYTES,
    unit: 'bytes',
    usual: 16 * 1_048_576,
  },
  maxSessions: { flag: 'max-sessions', min: 1, max: 100_000, unit: 'sessions', usual: 100 },
  idleSessionMs: { flag: 'session-idle', min: 1, max: MAX_TIMER_MS, unit: 'ms', usual: 1_800_000 },
  resumeBytes: { flag: 'resume-bytes', min: 0, max: ANY, unit: 'bytes', usual: 1_048_576 },
  holdMs: { flag: 'hold', min: 0, max: MAX_TIMER_MS, unit: 'ms', usual: 10_000 },
  restartDelayMs: { flag: 'restart-delay', min: 1, max: MAX_TIMER_MS, unit: 'ms', usual: 100 },
  longestRestartDelayMs: {
    flag: 'restart-longest',
    min: 1,
    max: MAX_TIMER_MS,
    unit: 'ms',
    usual: 30_000,
  },
  maxMemoryBytes: { flag: 'max-memory', min: 1, max: ANY, unit: 'bytes', usual: undefined },
  maxCpuTimeMs: { flag: 'max-cpu', min: 1, max: ANY, unit: 'ms', usual: undefined },
  maxFileHandles: { flag: 'max-files', min: 1, max: ANY, unit: 'descriptors', usual: undefined },
  maxNetworkConnections: {
    flag: 'max-sockets',
    min: 1,
    max: ANY,
    unit: 'sockets',
    usual: undefined,
  },
} as const satisfies Readonly<Record<string, ProxyNumber>>;

export type ProxyNumberName = keyof typeof PROXY_NUMBERS;
