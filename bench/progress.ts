/** One line on stderr that says how far a bench is: rewritten on a terminal, else every 10 %. */
export class Progress {
  readonly #total: number;
  #done = 0;
  #shownTenth = 0;

  /** @param total number of steps */
  constructor(total: number) {
    this.#total = total;
  }

  step(what: string): void {
    this.#done++;
    const line = `${this.#done}/${this.#total} ${what}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\u001B[K${line}`);
      if (this.#done === this.#total) process.stderr.write('\r\u001B[K');
      return;
    }
    const tenth = Math.floor((10 * this.#done) / this.#total);
    if (tenth > this.#shownTenth) process.stderr.write(`${line}\n`);
    this.#shownTenth = tenth;
  }
}
