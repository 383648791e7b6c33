/**
 * A process to be sampled: has so many files and TCP connections open, says so, and waits. Forked by
 * main.ts.
 */
import { openSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';

const [, , files = '0', connections = '0'] = process.argv;

for (let file = 0; file < Number(files); file++) openSync('/proc/version', 'r');

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
for (let connection = 0; connection < Number(connections); connection++) {
  await once(connect(port, '127.0.0.1'), 'connect');
}
process.on('message', () => {});
process.send?.('ready');
