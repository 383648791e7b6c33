import { describe, expect, it } from 'vitest';

import { builtUrl } from '../support/child-module.ts';
import { runProgram } from '../support/run-program.ts';

const CONTROLS = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code))
  .filter((character) => /\p{Cc}/u.test(character))
  .concat('\u2028', '\u2029');

/** What a process with a logger of its own writes on stderr. */
async function logged(format: string, message: string, value: string): Promise<string> {
  const source = `
    import { StderrLogger } from ${JSON.stringify(builtUrl('cli/stderr-logger.js'))};
    new StderrLogger('${format}').warn(${JSON.stringify(message)}, { value: ${JSON.stringify(value)} });
  `;
  const { stderr } = await runProgram(process.execPath, ['--input-type=module', '--eval', source]);
  return stderr;
}

describe('a line of the log', () => {
  const hostile = `a\n2026-01-01T00:00:00.000Z error forged \\ "ü" 😀 ${CONTROLS.join('')}`;

  it('holds no line break or control character, whatever was sent [SERVE-STDERR]', async () => {
    const text = await logged('text', hostile, hostile);
    expect(text).toMatch(/^[^\p{Cc}\u2028\u2029]+\n$/u);
    expect(text).toMatch(
      /^[-\dT:.]+Z warn a\\u000a2026-01-01T00:00:00\.000Z error forged \\ "ü" 😀 /,
    );
    expect(text).toContain('\\u001b');
    const [, value] = /value=(".*")\n$/u.exec(text) ?? [];
    expect(JSON.parse(value ?? '')).toBe(hostile);
  });

  it('is JSON that says what was sent, with as little in it [SERVE-STDERR]', async () => {
    const json = await logged('json', hostile, hostile);
    expect(json).toMatch(/^[^\p{Cc}\u2028\u2029]+\n$/u);
    expect(JSON.parse(json)).toMatchObject({ level: 'warn', message: hostile, value: hostile });
  });
});
