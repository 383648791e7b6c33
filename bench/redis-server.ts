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
  (read -r _ <&3; kill -9 "$server") & guard=$!
  wait "$server"; code=$?
  kill "$guard"
  exit "$code"
`;

const HOST = '127.0.0.1';
const STARTS = 5;

/**
 * A Redis of one's own, on loopback, which keeps nothing on disk: it ends with `stop`, and with the
 * process that started it.
 */
export class RedisServer {
  readonly host = HOST;
  readonly port: number;
  readonly #guard: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(guard: ChildProcess, port: number) {
    this.#guard = guard;
    this.port = port;
    this.#ended = new Promise((resolve) => guard.once('exit', () => resolve()));
  }

  /** Starts one on a free port and waits until it answers. @throws where `redis-server` does not run */
  static async start(): Promise<RedisServer> {
    for (let start = 1; ; start++) {
      const server = new RedisServer(...spawnOn(await freePort()));
      try {
        await server.#isReady();
        return server;
      } catch (error) {
        // Somebody may have taken the port in between.
        if (start === STARTS) throw error;
      }
    }
  }

  /** Ends it at once; a second call does nothing. */
  async stop(): Promise<void> {
    this.#guard.stdin?.destroy();
    await this.#ended;
  }

  /** By what this server says itself: a port may be answered by another. */
  #isReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      let said = '';
      for (const output of [this.#guard.stdout, this.#guard.stderr]) {
        output?.on('data', (chunk: Buffer) => {
          said = `${said}${chunk.toString()}`.slice(-2_000);
          if (/ready to accept connections/i.test(said)) resolve();
        });
      }
      void this.#ended.then(() =>
        reject(new Error(`redis-server does not run on port ${this.port}; it said:\n${said}`)),
      );
    });
  }
}

function spawnOn(port: number): [ChildProcess, number] {
  const options = {
    port: String(port),
    bind: HOST,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    dir: tmpdir(),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  // In a session of its own: ^C is for this process, whose end closes the pipe.
  const guard = spawn('/bin/sh', ['-c', GUARD, 'sh', 'redis-server', ...args], {
    detached: true,
    stdio: 'pipe',
  });
  return [guard, port];
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
