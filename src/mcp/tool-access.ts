import type { Notification } from '@modelcontextprotocol/sdk/types.js';

import type { ContextOfVersion2 } from './sdk-context.ts';
import type { Generation } from './sdk-server.ts';

/** A tool as an `McpServer` has registered it: what is used of it here. */
export interface RegisteredTool {
  /** Version 1 calls it. */
  handler: unknown;
  /** Version 2 calls it: the handler behind one form, made anew when the handler is replaced. */
  executor?: unknown;
  readonly inputSchema?: unknown;
}

/** Whoever has called a tool. */
export interface Caller {
  readonly signal: AbortSignal;
  readonly meta: { readonly progressToken?: unknown } | undefined;
  notify(notification: Notification): Promise<void>;
}

/** How the tools of an SDK are reached. */
export interface ToolAccess {
  /** What a call of a tool runs. */
  readonly member: 'handler' | 'executor';
  /** What a tool's own function is given before its context: the arguments, if it takes any. */
  inputsOf(tool: RegisteredTool, args: readonly unknown[]): readonly unknown[];
  callerOf(context: never): Caller;
  /** The same context with another signal, made when it is asked for. */
  withSignal(context: never, signal: () => AbortSignal): object;
}

/** As much of the context of version 1 as is used here (`RequestHandlerExtra`). */
interface ContextOfVersion1 {
  readonly signal: AbortSignal;
  readonly _meta?: { readonly progressToken?: unknown };
  sendNotification(notification: Notification): Promise<void>;
}

const VERSION_1: ToolAccess = {
  member: 'handler',
  inputsOf: (_, args) => args,
  callerOf: ({ signal, _meta: meta, ...context }: ContextOfVersion1) => ({
    signal,
    meta,
    notify: (notification) => context.sendNotification(notification),
  }),
  withSignal: (context: ContextOfVersion1, signal) => replaced(context, signal),
};

const VERSION_2: ToolAccess = {
  member: 'executor',
  inputsOf: ({ inputSchema }, args) => (inputSchema === undefined ? [] : args),
  callerOf: ({ mcpReq: { signal, _meta: meta, ...request } }: ContextOfVersion2) => ({
    signal,
    meta,
    notify: (notification) => request.notify(notification),
  }),
  withSignal: (context: ContextOfVersion2, signal) => ({
    ...context,
    mcpReq: replaced(context.mcpReq, signal),
  }),
};

export const TOOL_ACCESS: Readonly<Record<Generation, ToolAccess>> = {
  1: VERSION_1,
  2: VERSION_2,
};

function replaced<T extends object>(holder: T, signal: () => AbortSignal): T {
  return Object.defineProperty({ ...holder }, 'signal', { enumerable: true, get: signal });
}
