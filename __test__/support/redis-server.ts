import { afterAll, beforeAll } from 'vitest';

import { RedisServer, type RedisServerOptions } from '../../bench/redis-server.ts';

/** The server of a file of tests, which ends with it. */
export interface TestRedis {
  readonly url: string;
  readonly server: RedisServer;
}

/** Starts a Redis for all tests of the surrounding `describe`, or of the file. */
export function useRedis(options?: RedisServerOptions): TestRedis {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start(options);
  });
  afterAll(() => server.stop());
  return {
    get server() {
      return server;
    },
    get url() {
      return `redis://${server.host}:${server.port}`;
    },
  };
}
