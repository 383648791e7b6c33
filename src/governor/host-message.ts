import type { CarriedError } from './carried-error.ts';
import type { Leak, ModuleTask } from './execution.ts';
import type { ResourceUsage } from './resource-usage.ts';

/** What the thread or process of a tool is told. */
export type ToHost =
  | { readonly kind: 'run'; readonly toolId: string; readonly task: ModuleTask }
  | { readonly kind: 'abort'; readonly reason: CarriedError };

/** What an execution used and left, as seen from within. */
export interface HostReport {
  readonly usage: ResourceUsage;
  /** Of the whole process of the host, from the start of the code. */
  readonly processCpuMs: number;
  readonly leaks: readonly Leak[];
  /** Code of the tool threw where nobody could catch it: the host is not to be used again. */
  readonly isSpoilt: boolean;
}

/** What the thread or process of a tool tells. */
export type FromHost =
  | { readonly kind: 'ready'; readonly threadId: number | undefined }
  | { readonly kind: 'progress'; readonly value: unknown }
  | { readonly kind: 'usage'; readonly usage: ResourceUsage }
  | { readonly kind: 'done'; readonly value: unknown; readonly report: HostReport }
  | { readonly kind: 'failed'; readonly error: CarriedError; readonly report: HostReport };

/** What a host is started with. */
export interface HostSettings {
  readonly leaks: 'report' | 'close';
  readonly leakStacks: boolean;
  readonly backOffMs: readonly number[];
  /** A worker writes here what it uses, so that it is known while it blocks: see HEAP_BYTES and CPU_MS. */
  readonly figures?: SharedArrayBuffer;
}

/** Places of the figures of a worker. */
export const HEAP_BYTES = 0;
export const CPU_MS = 1;
/** The most that HEAP_BYTES has been since the task began. */
export const PEAK_BYTES = 2;
export const FIGURE_COUNT = 3;
