import type { Logger } from '../logger.ts';

export type LogFormat = 'text' | 'json';
type Level = 'info' | 'warn' | 'error';

/** C0, DEL, C1 and the line breaks of Unicode: what begins a line or commands a terminal. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * One line on stderr for each message. Values are written as JSON in both formats, and control
 * characters are escaped wherever they stand: what a client sent cannot forge a line. `debug` is for those who debug the library and goes nowhere.
 */
export class StderrLogger implements Logger {
  readonly #format: LogFormat;

  constructor(format: LogFormat) {
    this.#format = format;
  }

  debug(): void {}

  info(message: string, data?: Readonly<Record<string, unknown>>): void {
    this.#write('info', message, data);
  }

  warn(message: string, data?: Readonly<Record<string, unknown>>): void {
    this.#write('warn', message, data);
  }

  error(message: string, data?: Readonly<Record<string, unknown>>): void {
    this.#write('error', message, data);
  }

  #write(level: Level, message: string, data: Readonly<Record<string, unknown>> = {}): void {
    const time = new Date().toISOString();
    const line =
      this.#format === 'json'
        ? JSON.stringify({ time, level, message, ...data })
        : [time, level, message, ...pairs(data)].join(' ');
    process.stderr.write(`${line.replaceAll(CONTROLS, escapeOf)}\n`);
  }
}

/** As JSON writes it, which leaves DEL, C1 and the line breaks of Unicode as they are. */
function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function pairs(data: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(data).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
}
