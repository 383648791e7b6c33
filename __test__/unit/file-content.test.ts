import { describe, expect, it } from 'vitest';

import { toContents } from '../../src/files/file-content.ts';
import { mediaTypeOf } from '../../src/files/media-type.ts';

function contentOf(name: string, bytes: string | Uint8Array) {
  const { contents } = toContents('file:///f', `/f/${name}`, Buffer.from(bytes));
  expect(contents).toHaveLength(1);
  return contents[0];
}

describe('types of files', () => {
  it.each([
    ['readme.md', 'text/markdown'],
    ['data.json', 'application/json'],
    ['logo.PNG', 'image/png'],
    ['page.html', 'text/html'],
    ['main.ts', 'text/x-typescript'],
    ['index.d.mts', 'text/x-typescript'],
    ['lib.rs', 'text/x-rust'],
    ['events.jsonl', 'application/x-ndjson'],
    ['LICENSE', undefined],
    ['txt', undefined],
    ['.gitignore', undefined],
    ['strange.unheard-of', undefined],
  ])('of %s is %s [SERVE-MIME]', (name, type) => {
    expect(mediaTypeOf(name)).toBe(type);
  });
});

describe('content of files', () => {
  it('is text where it is UTF-8, to the byte [SERVE-MIME]', () => {
    expect(contentOf('a.txt', '\uFEFFJörg\r\n')).toEqual({
      uri: 'file:///f',
      mimeType: 'text/plain',
      text: '\uFEFFJörg\r\n',
    });
    expect(contentOf('empty.txt', '')).toMatchObject({ text: '' });
  });

  it('is a blob where bytes are not UTF-8 or hold a NUL [SERVE-MIME]', () => {
    const latin1 = Uint8Array.from([0x4a, 0xf6]);
    expect(contentOf('a.txt', latin1)).toEqual({
      uri: 'file:///f',
      mimeType: 'text/plain',
      blob: Buffer.from(latin1).toString('base64'),
    });
    expect(contentOf('a.txt', 'a\0b')).toHaveProperty('blob', 'YQBi');
    expect(contentOf('a.txt', Uint8Array.from([0xed, 0xa0, 0x80]))).toHaveProperty('blob');
  });

  it('is a blob where the type says so, though the bytes are text [SERVE-MIME]', () => {
    expect(contentOf('a.png', 'text')).toEqual({
      uri: 'file:///f',
      mimeType: 'image/png',
      blob: 'dGV4dA==',
    });
    expect(contentOf('a.bin', 'text')).toHaveProperty('blob');
    expect(contentOf('a.svg', '<svg/>')).toHaveProperty('text', '<svg/>');
  });

  it('decides the type where the name does not [SERVE-MIME]', () => {
    expect(contentOf('LICENSE', 'MIT')).toMatchObject({ mimeType: 'text/plain', text: 'MIT' });
    expect(contentOf('core', Uint8Array.from([0, 1]))).toMatchObject({
      mimeType: 'application/octet-stream',
      blob: 'AAE=',
    });
  });

  it('cannot be changed by one of its readers [SERVE-MIME]', () => {
    const result = toContents('file:///f', '/f/a.txt', Buffer.from('a'));
    expect(Object.isFrozen(result) && Object.isFrozen(result.contents[0])).toBe(true);
  });
});
