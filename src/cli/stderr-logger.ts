import type { Logger } from '../logger.ts';
import { escapeControls } from './printable.ts';

export type LogFormat = 'text' | 'json';
type Level = 'info' | 'warn' | 'error';

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
    process.stderr.write(`${escapeControls(line)}\n`);
  }
}

function pairs(data: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(data).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
}
