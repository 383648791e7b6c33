import type { RedisClientLike } from './redis-options.ts';

/** A connection that nobody else writes to meanwhile, or one whose commands are answered in order. */
export interface OneConnection {
  /** What has commands as methods. */
  readonly client: object;
  readonly send: (args: readonly string[]) => Promise<unknown>;
}

type Send = (...given: readonly unknown[]) => Promise<unknown>;

interface Sender {
  sendCommand: Send;
}

type Exclusive = (run: (client: Sender) => Promise<unknown>) => Promise<unknown>;

/**
 * Has commands about one key go over one connection, as WAIT asks: it is about what was written before on
 * the same one.
 *
 * @param client of any kind
 */
export function overOneConnection<T>(
  client: RedisClientLike,
  key: string,
  run: (connection: OneConnection) => Promise<T>,
): Promise<T> {
  const leased = leaseOf(client);
  if (leased !== undefined) return leased(run);
  const { sendCommand } = client as unknown as Sender;
  // All commands of a key go to the one client of its master.
  const isCluster = 'masters' in client;
  const send = (args: readonly string[]): Promise<unknown> =>
    isCluster ? sendCommand.call(client, key, false, args) : sendCommand.call(client, args);
  return run({ client, send });
}

/** Pools and sentinels have several connections, and lend one of them. */
function leaseOf(
  client: RedisClientLike,
): (<T>(run: (connection: OneConnection) => Promise<T>) => Promise<T>) | undefined {
  if ('getMasterNode' in client && 'use' in client) {
    const use = client.use as Exclusive;
    return (run) =>
      use.call(client, (lent) =>
        run({ client: lent, send: (args) => lent.sendCommand(false, args) }),
      ) as ReturnType<typeof run>;
  }
  if ('execute' in client && !('socketEpoch' in client)) {
    const execute = client.execute as Exclusive;
    return (run) =>
      execute.call(client, (lent) =>
        run({ client: lent, send: (args) => lent.sendCommand(args) }),
      ) as ReturnType<typeof run>;
  }
  return undefined;
}
