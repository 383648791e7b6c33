/** What can happen to a cached resource. */
export type ResourceEventName = 'loaded' | 'accessed' | 'invalidated' | 'expired' | 'evicted';

/** Every event name, for checks and for iteration. */
export const RESOURCE_EVENT_NAMES: readonly ResourceEventName[] = [
  'loaded',
  'accessed',
  'invalidated',
  'expired',
  'evicted',
];

/**
 * Why an entry was evicted: `size`, the bounds left no room for it; `too-large`, it is heavier than
 * `maxEntryBytes` and was never kept; `resize`, the bounds were made smaller.
 */
export type EvictionCause = 'size' | 'too-large' | 'resize';

/** What a listener receives. */
export interface ResourceEvent<V> {
  readonly uri: string;
  readonly event: ResourceEventName;
  /** The value that was loaded, accessed, or has left. */
  readonly value?: V;
  readonly metadata?: { readonly cause?: EvictionCause } & Readonly<Record<string, unknown>>;
}

/** A listener; what it throws, or what its promise rejects with, becomes one process warning. */
export type ResourceListener<V> = (event: ResourceEvent<V>) => void;
