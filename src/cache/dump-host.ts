import type { Logger } from '../logger.ts';

/** What dumps and restores ask of the cache around the store. */
export interface DumpHost {
  readonly logger: Logger | undefined;
  /** Throws where the cache is closed. */
  checkOpen(): void;
  /** Tells what has happened in the store. */
  flush(): void;
}

/** As `DumpHost`, with who hears of what comes back. */
export interface SinkHost extends DumpHost {
  /** To be called before any event of the entry is told, also of what may only be revalidated. */
  restored(uri: string): void;
}
