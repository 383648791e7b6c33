import { emitKeypressEvents, type Key } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';

// ECMA-48 and xterm's control sequences.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_OF_LINE = '\u001b[K';
const REST_OF_SCREEN = '\u001b[J';

/** The size of a terminal that does not tell it. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/**
 * The alternate screen of a terminal, and its keys. However the process ends, but by SIGKILL, the terminal is as it was
 * before.
 */
export class Screen {
  readonly #output: WriteStream;
  readonly #input: ReadStream | undefined;
  readonly #onKey: (_: string | undefined, key: Key) => void;
  readonly #onResize: () => void;
  #isOpen = false;

  /** @param onKey - told of each key by its name: `q`, `up`, `ctrl+c` */
  constructor(
    terminal: { readonly output: WriteStream; readonly input: ReadStream | undefined },
    onKey: (key: string) => void,
    onResize: () => void,
  ) {
    this.#output = terminal.output;
    this.#input = terminal.input;
    this.#onKey = (_, { name = '', ctrl = false }) => onKey(ctrl ? `ctrl+${name}` : name);
    this.#onResize = onResize;
  }

  get columns(): number {
    return this.#output.columns > 0 ? this.#output.columns : DEFAULT_COLUMNS;
  }

  get rows(): number {
    return this.#output.rows > 0 ? this.#output.rows : DEFAULT_ROWS;
  }

  open(): void {
    this.#isOpen = true;
    process.once('exit', this.close);
    this.#output.on('resize', this.#onResize);
    if (this.#input !== undefined) {
      emitKeypressEvents(this.#input);
      this.#input.setRawMode(true);
      this.#input.on('keypress', this.#onKey).resume();
    }
    this.#output.write(ENTER);
  }

  /** @param lines - each no wider than the screen, without control characters but colours */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => `${line}${END_OF_LINE}`).join('\r\n');
    this.#output.write(`${HOME}${text}${REST_OF_SCREEN}`);
  }

  readonly close = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.off('exit', this.close);
    this.#output.off('resize', this.#onResize);
    // Written at once: output to a terminal is synchronous.
    this.#output.write(LEAVE);
    this.#input?.off('keypress', this.#onKey).setRawMode(false).pause();
    this.#input?.unref();
  };
}
