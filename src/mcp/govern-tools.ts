import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

import { GranaryError } from '../errors.ts';
import type { EnhancedResourceManager, ModuleTask, TaskContext } from '../governor/index.ts';
import { badOption } from '../options.ts';
import {
  checkGovernToolsOptions,
  type GovernedToolOptions,
  type GovernToolsOptions,
} from './governed-tools-options.ts';
import { overrideMethod } from './method-override.ts';
import { generationOf, protocolOf } from './sdk-server.ts';
import type { SdkMcpServer, SdkServer } from './sdk-types.ts';
import { TOOL_ACCESS, type Caller, type RegisteredTool, type ToolAccess } from './tool-access.ts';

type Handler = (...args: readonly unknown[]) => unknown;

/** Tools that run within limits. */
export interface ToolGoverning extends Disposable {
  /** Leaves the server as it was; what is initialised in the governor stays so. */
  close(): void;
}

/** What a result that tells of a refusal says to machines. */
const REFUSAL_META = 'mcp-granary/limit';

/**
 * Runs the tools of an MCP server within the limits of a governor: those registered before and after, each under its
 * name. A client's cancellation aborts the signal that the tool is given. A call that is refused or ended for its limits
 * is answered by a tool error (`isError`) that says what was exceeded and when to try again, also in
 * `_meta['mcp-granary/limit']`.
 *
 * Tools that make tasks (`registerToolTask`) are left as they are: their work outlives the call.
 *
 * @param server an `McpServer` of `@modelcontextprotocol/sdk` version 1 or `@modelcontextprotocol/server` version 2
 * @throws `ERR_GRANARY_BAD_OPTION`
 * @example
 * ```ts
 * import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
 * import { EnhancedResourceManager } from 'mcp-granary/governor';
 * import { governTools } from 'mcp-granary/mcp';
 * const server = new McpServer({ name: 'weather', version: '1.0.0' });
 * server.registerTool('forecast', {}, async () => ({ content: [{ type: 'text', text: 'rain' }] }));
 * const governor = new EnhancedResourceManager();
 * governTools(server, governor, { tools: { forecast: { baseLimits: { maxNetworkConnections: 5 } } } });
 * await governor.close();
 * ```
 */
export function governTools(
  server: SdkMcpServer,
  governor: EnhancedResourceManager,
  options?: GovernToolsOptions,
): ToolGoverning {
  const given: SdkServer = server;
  const access = TOOL_ACCESS[generationOf(protocolOf(given))];
  if (!('server' in given) || typeof server.registerTool !== 'function') {
    badOption('server', server, 'an McpServer: a Server does not tell of its tools');
  }
  // By what it does: it may be of another copy of this package.
  if (typeof governor?.execute !== 'function' || typeof governor.initializeTool !== 'function') {
    badOption('governor', governor, 'an EnhancedResourceManager');
  }
  const governing = new GovernedServer(governor, access, checkGovernToolsOptions(options));
  governing.follow(server);
  const close = (): void => governing.close();
  return { close, [Symbol.dispose]: close };
}

/** One server whose tools are governed. */
class GovernedServer {
  readonly #governor: EnhancedResourceManager;
  readonly #access: ToolAccess;
  readonly #options: ReturnType<typeof checkGovernToolsOptions>;
  readonly #undoes: (() => void)[] = [];

  constructor(
    governor: EnhancedResourceManager,
    access: ToolAccess,
    options: ReturnType<typeof checkGovernToolsOptions>,
  ) {
    this.#governor = governor;
    this.#access = access;
    this.#options = options;
    for (const name of options.names) this.#initialize(name);
  }

  follow(server: SdkMcpServer): void {
    // Those that there are: the SDK has no public list of them.
    const known: unknown = Reflect.get(server, '_registeredTools');
    if (typeof known === 'object' && known !== null) {
      for (const [name, tool] of Object.entries(known)) this.#govern(name, tool as RegisteredTool);
    }
    type Register = (name: string, ...rest: unknown[]) => RegisteredTool;
    // Their overloads have no signature in common, and what is given is handed on as it is.
    const methods = server as unknown as Record<'registerTool' | 'tool', Register>;
    for (const method of ['registerTool', 'tool'] as const) {
      if (!(method in methods)) continue;
      const undo = overrideMethod(methods, method, (register) => (name, ...rest) => {
        const tool = register(name, ...rest);
        this.#govern(name, tool);
        return tool;
      });
      this.#undoes.push(undo);
    }
  }

  close(): void {
    for (const undo of this.#undoes.splice(0)) undo();
  }

  #initialize(name: string): string {
    const toolId = this.#options.prefix + name;
    if (!this.#governor.hasTool(toolId)) {
      const options = this.#options.optionsOf(name);
      this.#governor.initializeTool(toolId, options.baseLimits, options.maxLimits, options);
    }
    return toolId;
  }

  /** Puts itself between a tool and its handler, whatever that is replaced by later. */
  #govern(name: string, tool: RegisteredTool): void {
    const toolId = this.#initialize(name);
    const options = this.#options.optionsOf(name);
    const { member } = this.#access;
    let handler: unknown = tool[member];
    const governed: Handler = (...args) =>
      this.#call(toolId, tool, options, handler as Handler, args);
    Object.defineProperty(tool, member, {
      configurable: true,
      enumerable: true,
      get: () => (typeof handler === 'function' ? governed : handler),
      set: (replaced: unknown) => {
        handler = replaced;
      },
    });
    this.#undoes.push(() => {
      Object.defineProperty(tool, member, {
        configurable: true,
        enumerable: true,
        writable: true,
        value: handler,
      });
    });
  }

  async #call(
    toolId: string,
    tool: RegisteredTool,
    { module, export: exported, timeoutMs }: GovernedToolOptions,
    handler: Handler,
    args: readonly unknown[],
  ): Promise<CallToolResult> {
    const access = this.#access;
    const context: unknown = args.at(-1);
    const inputs = access.inputsOf(tool, args.slice(0, -1));
    const inline = (task: TaskContext): unknown =>
      handler(
        ...args.slice(0, -1),
        access.withSignal(context as never, () => task.signal),
      );
    const task: ModuleTask | undefined =
      module === undefined
        ? undefined
        : { module, args: inputs, ...(exported !== undefined && { export: exported }) };
    try {
      const result = await this.#governor.execute<unknown>(toolId, task ?? inline, {
        signal: access.callerOf(context as never).signal,
        ...(timeoutMs !== undefined && { timeoutMs }),
        onProgress: (value) => void sendProgress(access.callerOf(context as never), value),
      });
      return typeof result === 'string'
        ? { content: [{ type: 'text', text: result }] }
        : (result as CallToolResult);
    } catch (error) {
      if (error instanceof GranaryError && error.code === 'ERR_GRANARY_LIMIT_EXCEEDED') {
        return refusal(error);
      }
      throw error;
    }
  }
}

function refusal({ message, data }: GranaryError): CallToolResult {
  return {
    content: [{ type: 'text', text: message }],
    isError: true,
    _meta: { [REFUSAL_META]: data },
  };
}

/** Tells a client that asked for it how far a tool is: a number, or `{ progress, total, message }`. */
async function sendProgress(caller: Caller, value: unknown): Promise<void> {
  const { meta } = caller;
  const progressToken = meta?.progressToken;
  if (progressToken === undefined) return;
  const told = typeof value === 'number' ? { progress: value } : value;
  if (typeof told !== 'object' || told === null || !('progress' in told)) return;
  if (typeof told.progress !== 'number') return;
  try {
    const params = { ...(told as { progress: number }), progressToken };
    await caller.notify({ method: 'notifications/progress', params });
  } catch {
    // The client is gone, and hears of nothing any more.
  }
}
