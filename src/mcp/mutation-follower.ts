import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';

import { describeError } from '../describe-value.ts';
import type { Logger } from '../logger.ts';
import { MutatingCalls } from './mutating-calls.ts';
import { overrideMethod } from './method-override.ts';
import { MutationTap, type MutationHost } from './mutation-tap.ts';
import type { ProtocolServer } from './sdk-server.ts';
import { TaskCalls } from './task-calls.ts';
import { type Mutation, mutationsOf, type ToolMutations } from './tool-mutations.ts';

/** Who is told of what a server's tools change. */
export interface MutationListener {
  /** Resolves when nobody finds any more what was changed. */
  changed(mutation: Mutation): Promise<void> | undefined;
  readonly opened?: (tap: MutationTap, transport: Transport) => void;
  readonly subscribed?: NonNullable<MutationHost['subscribed']>;
  readonly closed?: MutationHost['closed'];
  readonly logger: Logger | undefined;
}

/** Tasks of servers that share what knows of them: a client may ask about one by another connection. */
const tasksOf = new WeakMap<object, TaskCalls>();

/**
 * Listens on every connection of a server, from now on, for calls that change something.
 *
 * @param shared what servers have in common that know of the same tasks
 * @returns ends it
 */
export function followMutations(
  protocol: ProtocolServer,
  mutations: ToolMutations | undefined,
  shared: object,
  listener: MutationListener,
): () => void {
  const taps = new Set<MutationTap>();
  const tasks = tasksOf.get(shared) ?? new TaskCalls();
  tasksOf.set(shared, tasks);
  const host: MutationHost = {
    calls: new MutatingCalls(tasks, (tool) => mutations?.has(tool) === true),
    succeeded: ({ tool, args }) => {
      const pending = mutationsOf(mutations?.get(tool) ?? [], args).map((mutation) => {
        try {
          return listener.changed(mutation);
        } catch (error) {
          // The tool has done its work: its client is to hear so.
          const { logger } = listener;
          logger?.warn('invalidating what a tool has changed failed', {
            tool,
            error: describeError(error),
          });
          return undefined;
        }
      });
      const awaited = pending.filter((one) => one !== undefined);
      return awaited.length === 0 ? undefined : Promise.allSettled(awaited).then(() => {});
    },
    subscribed: listener.subscribed,
    closed: (tap) => {
      taps.delete(tap);
      listener.closed?.(tap);
    },
  };
  const attach = (transport: Transport): MutationTap => {
    const tap = new MutationTap(transport, host);
    taps.add(tap);
    listener.opened?.(tap, transport);
    return tap;
  };
  if (protocol.transport !== undefined) attach(protocol.transport);
  const undo = overrideMethod(protocol, 'connect', (connect) => async (transport) => {
    // The SDK starts a transport when its own callbacks are in place.
    const undoStart = overrideMethod(transport, 'start', (start) => async () => {
      undoStart();
      const tap = attach(transport);
      try {
        await start();
      } catch (error) {
        // Here, so that who has wrapped the transport before unwraps it after.
        tap.remove();
        throw error;
      }
    });
    try {
      await connect(transport);
    } finally {
      undoStart();
    }
  });
  return () => {
    undo();
    for (const tap of taps) tap.remove();
  };
}
