import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import {
  INITIALIZE,
  INITIALIZED,
  requestsOf,
  requestText,
  type BenchClient,
} from './bench-client.ts';
import type { Workload } from './workloads.ts';

const HEAD_END = Buffer.from('\r\n\r\n');

/** What is read of a response: all else would be a cost of the client. */
interface Response {
  readonly head: string;
  readonly body: Buffer;
}

/** Keep-alive sockets, one request at a time on each. */
export class HttpBenchClient implements BenchClient {
  readonly #port: number;
  readonly #sockets: Socket[] = [];
  #session = '';
  #isClosed = false;

  private constructor(port: number) {
    this.#port = port;
  }

  static async connect(port: number, inFlight: number): Promise<HttpBenchClient> {
    const client = new HttpBenchClient(port);
    for (let at = 0; at < inFlight; at++) {
      const socket = connect(port, '127.0.0.1').setNoDelay(true);
      await once(socket, 'connect');
      socket.once('close', () => {
        if (!client.#isClosed) throw new Error('the server has closed a connection');
      });
      client.#sockets.push(socket);
    }
    const { head } = await client.#ask(JSON.stringify(INITIALIZE));
    const id = /mcp-session-id: (\S+)/i.exec(head)?.[1];
    if (id !== undefined) client.#session = `mcp-session-id: ${id}\r\n`;
    await client.#ask(JSON.stringify(INITIALIZED));
    return client;
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  run(workload: Workload, count: number, inFlight: number): Promise<Float64Array> {
    const requests = requestsOf(workload);
    const took = new Float64Array(count);
    let sent = 0;
    const work = async (socket: Socket): Promise<void> => {
      for (let id = sent++; id < count; id = sent++) {
        const begun = performance.now();
        const body = requestText(id, requests[id % requests.length]!);
        await new Promise<void>((resolve) => this.#exchange(socket, body, false, () => resolve()));
        took[id] = performance.now() - begun;
      }
    };
    return Promise.all(this.#sockets.slice(0, inFlight).map(work)).then(() => took);
  }

  async answers(workload: Workload): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (const [id, rest] of requestsOf(workload).entries()) {
      const { head, body } = await this.#ask(requestText(id, rest));
      if (!head.startsWith('HTTP/1.1 200')) throw new Error(head);
      answers.push(JSON.parse(body.toString()));
    }
    return answers;
  }

  #ask(body: string): Promise<Response> {
    return new Promise((resolve) => this.#exchange(this.#sockets[0]!, body, true, resolve));
  }

  #exchange(
    socket: Socket,
    body: string,
    isKept: boolean,
    done: (response: Response) => void,
  ): void {
    const parts: Buffer[] = [];
    let head: string | undefined;
    let missing = 0;
    const take = (chunk: Buffer): void => {
      let part = chunk;
      if (head === undefined) {
        const at = chunk.indexOf(HEAD_END);
        if (at === -1) throw new Error('a head in several parts');
        head = chunk.toString('latin1', 0, at);
        const length = /content-length: (\d+)/i.exec(head)?.[1];
        // Of a response without content all comes at once.
        missing = length === undefined ? 0 : Number(length);
        part = length === undefined ? chunk.subarray(0, 0) : chunk.subarray(at + HEAD_END.length);
      }
      missing -= part.length;
      if (isKept) parts.push(part);
      if (missing > 0) return;
      socket.off('data', take);
      done({ head, body: Buffer.concat(parts) });
    };
    socket.on('data', take);
    socket.write(
      `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\n` +
        'accept: application/json, text/event-stream\r\ncontent-type: application/json\r\n' +
        `authorization: Bearer bench\r\nmcp-protocol-version: 2025-11-25\r\n${this.#session}` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }
}
