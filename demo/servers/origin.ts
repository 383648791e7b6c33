import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { documentPath } from '../documents.ts';

/** Where the texts of both servers come from: files, each read counted, and delayed on request. */
export class Origin {
  readonly #root: string;
  readonly #delayMs: number;
  #loads = 0;

  constructor(root: string, delayMs: number) {
    this.#root = root;
    this.#delayMs = delayMs;
  }

  get loads(): number {
    return this.#loads;
  }

  async read(relative: string): Promise<string> {
    this.#loads++;
    if (this.#delayMs > 0) await delay(this.#delayMs);
    return readFile(documentPath(this.#root, relative), 'utf8');
  }
}
