import { parseArgs } from 'node:util';

/** What a server of the demo is started with. */
export interface ServerArguments {
  /** Folder of the documents. */
  readonly root: string;
  /** By which each read of the origin is delayed. */
  readonly delayMs: number;
  /** Bounds of the cache; the server without one takes no notice. */
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Whether the server without granary gets the one line that caches it. */
  readonly oneLine?: boolean;
}

export function formatServerArguments(given: ServerArguments): string[] {
  return Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

export function readServerArguments(): ServerArguments {
  const option = { type: 'string', default: '' } as const;
  const { values } = parseArgs({
    options: {
      root: option,
      delayMs: option,
      maxEntries: option,
      maxBytes: option,
      oneLine: option,
    },
  });
  return {
    root: values.root,
    delayMs: Number(values.delayMs),
    maxEntries: Number(values.maxEntries),
    maxBytes: Number(values.maxBytes),
    oneLine: values.oneLine === 'true',
  };
}
