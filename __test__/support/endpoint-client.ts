import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import type { InspectionSnapshot } from '../../src/governor/inspect/inspection-snapshot.ts';
import { until } from './granary-command.ts';

/** A client of an inspection endpoint that does as it is told, and keeps what it is sent. */
export class EndpointClient {
  readonly socket: Socket;
  received = '';
  isClosed = false;

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.setEncoding('utf8').on('data', (text: string) => (this.received += text));
    this.socket.on('error', () => {});
    this.socket.once('close', () => (this.isClosed = true));
  }

  static async open(path: string): Promise<EndpointClient> {
    const client = new EndpointClient(path);
    await once(client.socket, 'connect');
    return client;
  }

  get lines(): readonly string[] {
    return this.received.split('\n').slice(0, -1);
  }

  get snapshots(): readonly InspectionSnapshot[] {
    return this.lines.map((line) => JSON.parse(line) as InspectionSnapshot);
  }

  /** Waits until that many lines have come. @returns the last of them, as it says */
  async line(count: number): Promise<InspectionSnapshot & { readonly error?: string }> {
    const line = await until(`line ${count}`, () => this.lines[count - 1]);
    return JSON.parse(line) as InspectionSnapshot;
  }

  async closed(): Promise<void> {
    await until('the end of the connection', () => (this.isClosed ? true : undefined));
  }
}
