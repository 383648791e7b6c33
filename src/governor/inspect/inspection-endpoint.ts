import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { describeError } from '../../describe-value.ts';
import { GranaryError } from '../../errors.ts';
import { badOption, checkOptions } from '../../options.ts';
import {
  checkEndpointName,
  checkEndpointPath,
  defaultEndpointName,
  endpointPath,
  IS_WINDOWS,
} from './endpoint-address.ts';
import {
  type InspectedCache,
  type InspectedGovernor,
  type InspectionSubject,
  takeSnapshot,
} from './inspection-snapshot.ts';
import { openSocketDirectory } from './socket-directory.ts';
import { removeIfStale, removeStaleSockets } from './stale-sockets.ts';
import { Watcher } from './watcher.ts';

/** What an inspection endpoint tells of, and where. */
export interface InspectOptions {
  /** Whose tools are told of. */
  readonly governor?: InspectedGovernor;
  /** Caches that are told of, by names for people. */
  readonly caches?: Readonly<Record<string, InspectedCache>>;
  /** What the endpoint is called: a letter, then letters, digits, `.`, `_` and `-`; the program's name by default. */
  readonly name?: string;
  /**
   * Where its socket lies: in a directory of this user's that nobody else may enter, which is made if it is not there.
   * By default one that `granary top` looks into: `$XDG_RUNTIME_DIR/granary`, or `granary-UID` below the directory for
   * temporary files. On Windows the name of a pipe.
   */
  readonly path?: string;
}

/** An inspection endpoint that listens. */
export interface InspectionEndpoint {
  /** Of its socket. */
  readonly path: string;
  /** Hangs up, and removes the socket. */
  close(): Promise<void>;
}

const MAX_CLIENTS = 16;
/** Clients that look within this time see the same. */
const SNAPSHOT_MS = 50;

/**
 * Lets `granary top`, run by the same user, see the tools and caches of this process: opens a socket that tells how they
 * stand. It costs nothing while nobody looks, never keeps the process alive, and is removed when that ends.
 *
 * @throws (rejects with) `ERR_GRANARY_BAD_OPTION` for a bad option, and for a directory that others can get at;
 *   `ERR_GRANARY_NAME_IN_USE` where this process has such an endpoint already
 * @example
 * ```ts
 * import { EnhancedResourceManager, inspect } from 'mcp-granary/governor';
 * const governor = new EnhancedResourceManager();
 * const endpoint = await inspect({ governor, name: 'my-server' });
 * console.error(`granary top --socket ${endpoint.path}`);
 * await endpoint.close();
 * await governor.close();
 * ```
 */
export async function inspect(options?: InspectOptions): Promise<InspectionEndpoint> {
  const { subject, where } = checkInspectOptions(options);
  if (!IS_WINDOWS) {
    const directory = path.dirname(where);
    openSocketDirectory(directory);
    // What cannot be tidied up stands in nobody's way.
    await removeStaleSockets(directory).catch(() => {});
  }
  const endpoint = new ListeningEndpoint(subject, where);
  await endpoint.open();
  return endpoint;
}

class ListeningEndpoint implements InspectionEndpoint {
  readonly path: string;
  readonly #subject: InspectionSubject;
  readonly #server: Server;
  readonly #watchers = new Set<Watcher>();
  #line = '';
  #lineMs = -Infinity;
  #closing: Promise<void> | undefined;

  constructor(subject: InspectionSubject, where: string) {
    this.#subject = subject;
    this.path = where;
    this.#server = createServer((socket) => this.#accept(socket));
    // Those who are told that there are too many count too.
    this.#server.maxConnections = 4 * MAX_CLIENTS;
  }

  async open(): Promise<void> {
    try {
      await this.#listen();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Left by a process of the same number, as a container's first has at each start.
      if (code !== 'EADDRINUSE' || IS_WINDOWS || !(await removeIfStale(this.path))) {
        throw this.#failure(error);
      }
      await this.#listen().catch((again: unknown) => {
        throw this.#failure(again);
      });
    }
    this.#server.unref();
    this.#server.on('error', () => {});
    if (IS_WINDOWS) return;
    chmodSync(this.path, 0o600);
    process.on('exit', this.#remove);
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      process.off('exit', this.#remove);
      for (const watcher of this.#watchers) watcher.close();
      // Node removes the socket.
      this.#server.close(() => resolve());
    });
    return this.#closing;
  }

  readonly #remove = (): void => {
    rmSync(this.path, { force: true });
  };

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      // Else a worker of a cluster would have its primary listen.
      this.#server.listen({ path: this.path, exclusive: true }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  #failure(cause: unknown): GranaryError {
    const data = { option: 'path', value: this.path };
    if ((cause as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      return new GranaryError(
        'ERR_GRANARY_NAME_IN_USE',
        `somebody listens at ${this.path} already: give this endpoint a name of its own`,
        { cause, data },
      );
    }
    return new GranaryError(
      'ERR_GRANARY_BAD_OPTION',
      `path must be where a socket can be made, got ${this.path}: ${describeError(cause)}`,
      { cause, data },
    );
  }

  #accept(socket: Socket): void {
    const isFull = this.#watchers.size >= MAX_CLIENTS;
    // By its default rights everybody may read from a named pipe, but its owner alone write to it: who has not
    // written there is told nothing.
    const watcher = new Watcher(socket, () => this.#takeLine(), !IS_WINDOWS && !isFull);
    this.#watchers.add(watcher);
    socket.once('close', () => this.#watchers.delete(watcher));
    if (isFull) watcher.refuse(`${MAX_CLIENTS} clients are connected already`);
  }

  #takeLine(): string {
    const nowMs = performance.now();
    if (nowMs - this.#lineMs >= SNAPSHOT_MS) {
      this.#line = `${JSON.stringify(takeSnapshot(this.#subject))}\n`;
      this.#lineMs = nowMs;
    }
    return this.#line;
  }
}

function checkInspectOptions(options: InspectOptions | undefined): {
  readonly subject: InspectionSubject;
  readonly where: string;
} {
  const { governor, caches, name, path: given } = checkOptions('options', options);
  if (governor !== undefined) {
    const methods = ['tools', 'inspect', 'count'];
    if (!hasMethods(governor, methods))
      badOption('governor', governor, 'an EnhancedResourceManager');
  }
  const named = Object.entries(checkOptions('caches', caches)) as [string, InspectedCache][];
  for (const [cacheName, cache] of named) {
    if (!hasMethods(cache, ['stats'])) {
      badOption(`caches.${cacheName}`, cache, 'a cache with the method stats');
    }
  }
  const checkedName = name === undefined ? defaultEndpointName() : checkEndpointName(name);
  return {
    subject: { name: checkedName, governor, caches: named },
    where: checkEndpointPath(given ?? endpointPath(checkedName)),
  };
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof Reflect.get(value, name) === 'function')
  );
}
