import type { Leak } from './execution.ts';

/** Something that an execution opened, and that it should have closed. */
export interface OpenHandle {
  readonly kind: Leak['kind'];
  /** Descriptor, inode or pid; of a timer, its async id. */
  readonly id: number;
  /** Where it was opened, if stacks are kept. */
  readonly stack: string | undefined;
  isOpen(): boolean;
  /** Closes it as its owner would have; may be called again. Not there: it is not known for certain whose it is. */
  readonly close?: () => void;
  /** Closes it without regard for what it does at the moment. */
  readonly force?: () => void;
}

/** @returns where the code is that opens a handle now. */
export function captureStack(): string {
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, captureStack);
  return (holder.stack ?? '').split('\n').slice(1).join('\n');
}
