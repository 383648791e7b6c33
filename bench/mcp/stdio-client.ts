import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import {
  INITIALIZE,
  INITIALIZED,
  requestsOf,
  requestText,
  type BenchClient,
} from './bench-client.ts';
import type { Workload } from './workloads.ts';

const NEWLINE = 10;

/** Raw lines over the pipes of a child. */
export class StdioBenchClient implements BenchClient {
  readonly #input: Writable;
  #onLines: (count: number, chunk: Buffer) => void = () => {};

  private constructor(server: ChildProcess) {
    this.#input = server.stdin!;
    (server.stdout as Readable).on('data', (chunk: Buffer) => {
      let count = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) count++;
      this.#onLines(count, chunk);
    });
  }

  static async connect(server: ChildProcess): Promise<StdioBenchClient> {
    const client = new StdioBenchClient(server);
    await client.#ask(`${JSON.stringify(INITIALIZE)}\n`);
    client.#input.write(`${JSON.stringify(INITIALIZED)}\n`);
    return client;
  }

  run(workload: Workload, count: number, inFlight: number): Promise<Float64Array> {
    const requests = requestsOf(workload);
    const begun = new Float64Array(count);
    let sent = 0;
    let answered = 0;
    const send = (some: number): void => {
      let lines = '';
      const now = performance.now();
      for (let each = 0; each < some && sent < count; each++, sent++) {
        begun[sent] = now;
        lines += `${requestText(sent, requests[sent % requests.length]!)}\n`;
      }
      if (lines !== '') this.#input.write(lines);
    };
    return new Promise((resolve) => {
      this.#onLines = (lines) => {
        const now = performance.now();
        // They come in the order in which they were sent, or within a moment of it.
        for (let each = 0; each < lines; each++, answered++)
          begun[answered] = now - begun[answered]!;
        if (answered === count) resolve(begun);
        else send(lines);
      };
      send(inFlight);
    });
  }

  async answers(workload: Workload): Promise<unknown[]> {
    const answers: unknown[] = [];
    for (const [id, rest] of requestsOf(workload).entries()) {
      answers.push(JSON.parse(await this.#ask(`${requestText(id, rest)}\n`)));
    }
    return answers;
  }

  #ask(line: string): Promise<string> {
    const parts: Buffer[] = [];
    return new Promise((resolve) => {
      this.#onLines = (count, chunk) => {
        parts.push(chunk);
        if (count > 0) resolve(Buffer.concat(parts).toString());
      };
      this.#input.write(line);
    });
  }
}
