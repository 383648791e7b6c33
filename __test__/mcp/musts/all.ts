import { AUTHORIZATION } from './authorization.ts';
import { CLIENT_FEATURES } from './client-features.ts';
import { FEATURES } from './features.ts';
import { HEADER_MUSTS } from './headers.ts';
import { LIFECYCLE } from './lifecycle.ts';
import { MESSAGES } from './messages.ts';
import { PATTERNS } from './patterns.ts';
import { TASK_MUSTS } from './tasks.ts';
import { TRANSPORTS } from './transports.ts';
import { UTILITIES } from './utilities.ts';
import type { Must } from './must.ts';

/** The MUSTs of 2025-11-25 and 2026-07-28 for servers, and who holds each. */
export const MUSTS: readonly Must[] = [
  ...MESSAGES,
  ...LIFECYCLE,
  ...PATTERNS,
  ...TRANSPORTS,
  ...HEADER_MUSTS,
  ...FEATURES,
  ...UTILITIES,
  ...CLIENT_FEATURES,
  ...AUTHORIZATION,
  ...TASK_MUSTS,
];
