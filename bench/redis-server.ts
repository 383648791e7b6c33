import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';

/**
 * Ends the server when the pipe on its input closes: then whoever started it has let it go, or is
 * dead, however that came. `exec` would leave nobody to look.
 */
const GUARD = `
  exec 3<&0
  "$@" 3<&- & server=$!
  echo "granary server $server"
  (read -r _ <&3; kill -9 "$server") & guard=$!
  wait "$server"; code=$?
  kill "$guard"
  exit "$code"
`;

const HOST = '127.0.0.1';
const STARTS = 5;

/** How a server is started. */
export interface RedisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** More arguments, as in its configuration: `{ requirepass: 'secret' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/**
 * A Redis of one's own, on loopback, which keeps nothing on disk: it ends with `stop`, and with the
 * process that started it.
 */
export class RedisServer {
  readonly host = HOST;
  readonly port: number;
  readonly #guard: ChildProcess;
  readonly #ended: Promise<void>;
  #said = '';

  private constructor(guard: ChildProcess, port: number) {
    this.#guard = guard;
    this.port = port;
    this.#ended = new Promise((resolve) => guard.once('exit', () => resolve()));
  }

  /**
   * Starts one and waits until it answers: `redis-server`, or what GRANARY_REDIS_SERVER names.
   *
   * @throws where it does not run
   */
  static async start({ port, settings = {} }: RedisServerOptions = {}): Promise<RedisServer> {
    for (let start = 1; ; start++) {
      const server = new RedisServer(...spawnOn(port ?? (await freePort()), settings));
      try {
        await server.#isReady();
        return server;
      } catch (error) {
        // Somebody may have taken the port in between.
        if (start === STARTS) throw error;
      }
    }
  }

  /** Starts a sentinel, which writes to its configuration. */
  static async startSentinel(port: number, configuration: string): Promise<RedisServer> {
    const server = new RedisServer(spawnGuard([configuration, '--sentinel']), port);
    await server.#isReady();
    return server;
  }

  /** Ends it at once; a second call does nothing. */
  async stop(): Promise<void> {
    this.#guard.stdin?.destroy();
    await this.#ended;
  }

  /** Sends a signal to the server itself. */
  signal(signal: NodeJS.Signals): void {
    process.kill(Number(/granary server (\d+)/.exec(this.#said)?.[1]), signal);
  }

  /** By what this server says itself: a port may be answered by another. */
  #isReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      for (const output of [this.#guard.stdout, this.#guard.stderr]) {
        output?.on('data', (chunk: Buffer) => {
          if (this.#said.length < 10_000) this.#said += chunk.toString();
          if (/ready to accept connections|monitor master/i.test(this.#said)) resolve();
        });
      }
      void this.#ended.then(() =>
        reject(
          new Error(`redis-server does not run on port ${this.port}; it said:\n${this.#said}`),
        ),
      );
    });
  }
}

function spawnOn(port: number, settings: Readonly<Record<string, string>>): [ChildProcess, number] {
  const options = {
    port: String(port),
    bind: HOST,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    dir: tmpdir(),
    ...settings,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return [spawnGuard(args), port];
}

function spawnGuard(args: readonly string[]): ChildProcess {
  const binary = process.env['GRANARY_REDIS_SERVER'] ?? 'redis-server';
  // In a session of its own: ^C is for this process, whose end closes the pipe.
  const options = { detached: true, stdio: 'pipe' } as const;
  return spawn('/bin/sh', ['-c', GUARD, 'sh', binary, ...args], options);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
