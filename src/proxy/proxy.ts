import type { ChildProcess } from 'node:child_process';
import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';

import { describeError } from '../describe-value.ts';
import { EnhancedResourceManager } from '../governor/enhanced-resource-manager.ts';
import type { ResourceLimits } from '../governor/resource-limits.ts';
import type { Logger } from '../logger.ts';
import { AnswerStore } from './answer-store.ts';
import { CachingRules, type CachingRule } from './caching-rules.ts';
import { ChildUpstream } from './child-upstream.ts';
import { HttpUpstream } from './http-upstream.ts';
import { Relay, type ClientLink } from './relay.ts';
import { ToolChanges, type ToolTargets } from './tool-changes.ts';
import type { Upstream } from './upstream.ts';

/** The server in front of which the proxy stands. */
export type UpstreamTarget =
  | { readonly command: string; readonly args: readonly string[] }
  | { readonly url: URL; readonly headers: Readonly<Record<string, string>> };

export interface ProxyOptions {
  readonly target: UpstreamTarget;
  readonly ttlMs: number;
  readonly rules: readonly CachingRule[];
  readonly cachedTools: readonly string[];
  readonly mutates: ToolTargets;
  readonly failSafeMs: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly maxMessageBytes: number;
  readonly holdMs: number;
  readonly restartDelayMs: number;
  readonly longestRestartDelayMs: number;
  /** Of each child process with all that it starts; what is left out is not limited. */
  readonly limits: Partial<ResourceLimits>;
  readonly logger: Logger;
}

/** What all clients of one proxy share: the answers, and the governor of their upstreams. */
export class Proxy {
  readonly store: AnswerStore;
  readonly changes: ToolChanges;
  readonly governor = new EnhancedResourceManager();
  readonly options: ProxyOptions;
  readonly #cachedTools: ReadonlySet<string>;
  readonly #agent: Agent;
  #children = 0;

  /** @throws `ERR_GRANARY_BAD_OPTION`, `ERR_GRANARY_BAD_TEMPLATE` for a rule or what a tool changes */
  constructor(options: ProxyOptions) {
    this.options = options;
    this.#cachedTools = new Set(options.cachedTools);
    const { ttlMs, maxEntries, maxBytes, failSafeMs, logger } = options;
    const isSecure = 'url' in options.target && options.target.url.protocol === 'https:';
    this.#agent = isSecure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
    const rules = new CachingRules(ttlMs, options.rules);
    this.store = new AnswerStore({ rules, maxEntries, maxBytes, failSafeMs, logger });
    this.changes = new ToolChanges(this.store, options.mutates);
    this.governor.on('status', ({ toolId, resource, from, to }) => {
      const told = { name: toolId, resource, from, to };
      if (to === 'emergency') logger.error('the upstream is beyond a limit and is ended', told);
      else logger.info('the upstream is at another distance from its limits', told);
    });
  }

  /** A way to the upstream for one client: a process, or a session over HTTP, of its own. */
  newUpstream(): Upstream {
    const { target, maxMessageBytes, restartDelayMs, longestRestartDelayMs, logger } = this.options;
    const common = { maxMessageBytes, restartDelayMs, longestRestartDelayMs, logger };
    if ('url' in target) return new HttpUpstream({ ...target, ...common, agent: this.#agent });
    this.#children++;
    const name = this.#children === 1 ? 'upstream' : `upstream-${this.#children}`;
    const govern = (child: ChildProcess) => this.#govern(child, name);
    return new ChildUpstream({ ...target, ...common, govern });
  }

  /** @param isSession whether `client` is one for as long as the relay lasts, or a single request */
  newRelay(client: ClientLink, upstream: Upstream, isSession: boolean): Relay {
    const { holdMs, logger } = this.options;
    const { store, changes } = this;
    const cachedTools = this.#cachedTools;
    return new Relay({
      ...{ store, changes, upstream, client, cachedTools, holdMs, isSession, logger },
    });
  }

  async close(): Promise<void> {
    await this.governor.close();
    this.#agent.destroy();
    this.store[Symbol.dispose]();
  }

  #govern(child: ChildProcess, toolId: string): () => void {
    try {
      const governed = this.governor.governProcess(child, this.options.limits, { toolId });
      return () => governed.release();
    } catch (error) {
      // It may have ended at once.
      this.options.logger.warn('an upstream cannot be measured', { error: describeError(error) });
      return () => {};
    }
  }
}
