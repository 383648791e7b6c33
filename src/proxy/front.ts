/** Where clients reach the proxy. */
export interface Front {
  /** Resolves with the reason when there will be no more requests. */
  readonly ended: Promise<string>;
  /** Whether it ended because the upstream cannot be had. */
  readonly failed: boolean;
  /** Clients that are connected. */
  readonly sessions: number;
  /** Takes no more requests, answers those that have arrived, ends every upstream. */
  drain(): Promise<void>;
}
