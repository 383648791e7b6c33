import type { ModuleTask, ResourceLimits, ToolOptions } from '../governor/index.ts';
import { badOption, checkOptions } from '../options.ts';

/** How one tool of a server is governed. */
export interface GovernedToolOptions extends ToolOptions {
  /** What it begins with; see `EnhancedResourceManager.initializeTool`. */
  readonly baseLimits?: Partial<ResourceLimits>;
  /** What it may be raised to. */
  readonly maxLimits?: Partial<ResourceLimits>;
  /** After this a call is ended, in ms; never by default. */
  readonly timeoutMs?: number;
  /**
   * ES module whose function runs in place of the callback, which another thread or process cannot: needed where
   * `isolation` is `worker` or `process`. It is given the arguments that the SDK has checked, if the tool has an
   * `inputSchema`, and a `TaskContext`; it returns a text, or a `CallToolResult`.
   */
  readonly module?: ModuleTask['module'];
  /** Name of the exported function; `default` where not given. */
  readonly export?: string;
}

/** How the tools of a server are governed. */
export interface GovernToolsOptions {
  /** By the name of the tool; what is not named has the defaults, inline. */
  readonly tools?: Readonly<Record<string, GovernedToolOptions>>;
  /** Put before the names of tools to make names for the governor, where several servers share one; '' by default. */
  readonly prefix?: string;
}

/** @returns the options with what was not given filled in. */
export function checkGovernToolsOptions(given: GovernToolsOptions | undefined): {
  prefix: string;
  optionsOf: (name: string) => GovernedToolOptions;
  names: readonly string[];
} {
  const { tools, prefix = '' } = checkOptions('options', given);
  if (typeof prefix !== 'string') badOption('prefix', prefix, 'a string');
  const byName = new Map(Object.entries(checkOptions('tools', tools)));
  for (const [name, options] of byName) {
    const { module, isolation = 'inline' } = checkOptions(`tools.${name}`, options);
    if (isolation !== 'inline' && module === undefined) {
      badOption(`tools.${name}.module`, module, `a module where isolation is '${isolation}'`);
    }
  }
  return { prefix, optionsOf: (name) => byName.get(name) ?? {}, names: [...byName.keys()] };
}
