import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { TraceRecorder, type Trace } from './trace.ts';

const MOST_BYTES = 2 ** 32 - 1;
const SHOWN_CHARACTERS = 80;

/** A file that is no trace. */
export class TraceFileError extends Error {}

/**
 * Reads a trace of one access a line: any text is a key, an empty line is none. Where `weighted`, a
 * line is a key and, after a space, its bytes.
 *
 * Keys are kept byte by byte (Latin-1), so that any two that differ in the file differ here.
 *
 * @throws TraceFileError - where the file cannot be read, a line lacks its bytes, or there is no line
 */
export async function readTraceFile(file: string, weighted: boolean): Promise<Trace> {
  const recorder = new TraceRecorder(weighted);
  let lines = 0;
  const take = (text: string): void => {
    lines++;
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (line === '') return;
    if (!weighted) return recorder.access(line);
    const access = weightedAccess(line);
    if (access === undefined) throw new TraceFileError(badLine(file, lines, line));
    recorder.access(access.key, access.bytes);
  };
  const split = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    let rest = '';
    for await (const chunk of chunks) {
      const parts = (rest + chunk.toString('latin1')).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) take(part);
    }
    if (rest !== '') take(rest);
  };
  const packed = createReadStream(file);
  try {
    await (file.endsWith('.gz')
      ? pipeline(packed, createGunzip(), split)
      : pipeline(packed, split));
  } catch (error) {
    if (error instanceof TraceFileError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new TraceFileError(`cannot read the trace ${file}: ${reason}`, { cause: error });
  }
  const trace = recorder.trace();
  if (trace.accesses.length === 0) throw new TraceFileError(`the trace ${file} has no lines`);
  return trace;
}

function weightedAccess(line: string): { key: string; bytes: number } | undefined {
  const [, key, digits] = /^([^]*[^ \t])[ \t]+(\d+)[ \t]*$/.exec(line) ?? [];
  const bytes = Number(digits);
  return key !== undefined && bytes >= 1 && bytes <= MOST_BYTES ? { key, bytes } : undefined;
}

function badLine(file: string, number: number, line: string): string {
  const text = Buffer.from(line, 'latin1').toString();
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  return (
    `${file}, line ${number}: ${JSON.stringify(shown)} is not a key and its bytes, ` +
    `a whole number from 1 to ${MOST_BYTES}, with a space between them`
  );
}
