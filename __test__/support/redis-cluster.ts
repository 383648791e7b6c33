import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { RedisServer } from '../../bench/redis-server.ts';

/** A cluster of one's own on loopback. */
export interface TestCluster {
  readonly rootNodes: { readonly url: string }[];
  /** By the port that it listens on. */
  readonly nodes: ReadonlyMap<number, RedisServer>;
  /** What `redis-cli` says when a node is asked. */
  ask(port: number, ...command: readonly string[]): string;
  stop(): Promise<void>;
}

/** ms after which a master that says nothing is given up by the others. */
const NODE_TIMEOUT_MS = 1_000;
const GOSSIP_MS = 100;
const LONGEST_GOSSIP_MS = 20_000;

/** @returns when all nodes know that every slot is served, and each replica follows its master */
export async function startCluster(masters: number, replicasOfEach: number): Promise<TestCluster> {
  const folder = mkdtempSync(path.join(tmpdir(), 'granary-cluster-'));
  const nodes = new Map<number, RedisServer>();
  const stop = async (): Promise<void> => {
    await Promise.all([...nodes.values()].map((node) => node.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  const ask = (port: number, ...command: readonly string[]): string =>
    execFileSync('redis-cli', ['-u', `redis://127.0.0.1:${port}`, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    }).toString();
  try {
    for (let n = 0; n < masters * (1 + replicasOfEach); n++) {
      const node = await RedisServer.start({
        settings: {
          'cluster-enabled': 'yes',
          'cluster-config-file': path.join(folder, `nodes-${n}.conf`),
          'cluster-node-timeout': String(NODE_TIMEOUT_MS),
          dir: folder,
          dbfilename: `dump-${n}.rdb`,
        },
      });
      nodes.set(node.port, node);
    }
    const addresses = [...nodes.keys()].map((port) => `127.0.0.1:${port}`);
    const how = ['--cluster-replicas', String(replicasOfEach), '--cluster-yes'];
    execFileSync('redis-cli', ['--cluster', 'create', ...addresses, ...how], { stdio: 'pipe' });
    const isWhole = (port: number): boolean => {
      const isServed = ask(port, 'cluster', 'info').includes('cluster_state:ok');
      const replication = ask(port, 'info', 'replication');
      const follows =
        !replication.includes('role:slave') || replication.includes('master_link_status:up');
      return isServed && follows;
    };
    const began = performance.now();
    while (![...nodes.keys()].every(isWhole)) {
      if (performance.now() - began > LONGEST_GOSSIP_MS)
        throw new Error('the cluster does not come up');
      await setTimeout(GOSSIP_MS);
    }
    const rootNodes = addresses.map((address) => ({ url: `redis://${address}` }));
    return { rootNodes, nodes, ask, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
