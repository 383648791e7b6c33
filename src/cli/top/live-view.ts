import type { ReadStream, WriteStream } from 'node:tty';
import type { InspectionSnapshot } from '../../governor/inspect/inspection-snapshot.ts';
import { durationText } from './figures.ts';
import { Screen } from './screen.ts';
import { snapshotLines } from './snapshot-view.ts';
import type { SeenSnapshot } from './snapshot-stream.ts';
import { lineText, type TextLine } from './text-line.ts';
import type { Metric } from './tool-table.ts';

const KEYS: TextLine = [{ text: 'q quit   m memory   c CPU   ↑ ↓ scroll', style: 'faint' }];
/** How often it is looked whether the server still tells anything. */
const LOOK_MS = 1_000;

/** The newest snapshot of a server on a terminal, until it ends or somebody has seen enough. */
export class LiveView {
  readonly #screen: Screen;
  readonly #hasColours: boolean;
  readonly #intervalMs: number;
  readonly #quit: () => void;
  #metric: Metric = 'memory';
  #firstLine = 0;
  #snapshot: InspectionSnapshot | undefined;
  #previous: InspectionSnapshot | undefined;
  #seenMs = 0;

  /** @param quit - called when somebody has seen enough */
  constructor(
    terminal: { readonly output: WriteStream; readonly input: ReadStream | undefined },
    intervalMs: number,
    quit: () => void,
  ) {
    this.#hasColours = terminal.output.hasColors();
    this.#intervalMs = intervalMs;
    this.#quit = quit;
    this.#screen = new Screen(
      terminal,
      (key) => this.#press(key),
      () => this.#draw(),
    );
  }

  /** Shows snapshots until there are no more; the terminal is as it was before then. */
  async show(seen: AsyncIterable<SeenSnapshot>): Promise<void> {
    const timer = setInterval(() => {
      if (this.#silentMs() > 0) this.#draw();
    }, LOOK_MS);
    try {
      for await (const { snapshot } of seen) {
        if (this.#snapshot === undefined) this.#screen.open();
        this.#previous = this.#snapshot;
        this.#snapshot = snapshot;
        this.#seenMs = performance.now();
        this.#draw();
      }
    } finally {
      clearInterval(timer);
      this.#screen.close();
    }
  }

  #press(key: string): void {
    switch (key) {
      case 'q':
      case 'ctrl+c':
        return this.#quit();
      case 'm':
        this.#metric = 'memory';
        break;
      case 'c':
        this.#metric = 'cpu';
        break;
      case 'up':
        this.#firstLine--;
        break;
      case 'down':
        this.#firstLine++;
        break;
      default:
        return;
    }
    this.#draw();
  }

  #draw(): void {
    const { columns, rows } = this.#screen;
    if (this.#snapshot === undefined) return;
    const [head = [], ...lines] = snapshotLines(this.#snapshot, {
      width: columns,
      metric: this.#metric,
      previous: this.#previous,
    });
    const room = Math.max(0, rows - 2);
    this.#firstLine = Math.max(0, Math.min(this.#firstLine, lines.length - room));
    const visible = lines.slice(this.#firstLine, this.#firstLine + room);
    const filled = [...visible, ...Array.from({ length: room - visible.length }, () => [])];
    const all = rows > 1 ? [head, ...filled, this.#foot()] : [head];
    this.#screen.draw(all.map((line) => lineText(line, columns, this.#hasColours)));
  }

  #foot(): TextLine {
    const silentMs = this.#silentMs();
    if (silentMs === 0) return KEYS;
    return [
      {
        text: `no answer for ${durationText(silentMs)}: stopped, or its thread is blocked`,
        style: 'over',
      },
    ];
  }

  /** How long nothing has come, where that is longer than it should be; else 0. */
  #silentMs(): number {
    const silentMs = performance.now() - this.#seenMs;
    return this.#snapshot !== undefined && silentMs > this.#intervalMs + 2_000 ? silentMs : 0;
  }
}
