import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { FileUris } from '../../src/files/file-uris.ts';

const uris = new FileUris('/srv/files');

describe('FileUris', () => {
  it('gives each path one URI and finds it again [SERVE-STDIO]', () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const file = `/srv/files/${segments.join('/')}`;
        const uri = uris.uriOf(file);
        expect(uri.startsWith(uris.prefix)).toBe(true);
        expect(uris.pathOf(uri)).toBe(file);
      }),
    );
  });

  it.each([
    ['spaces and signs', '/srv/files/a b#c?d%e.md', 'file:///srv/files/a%20b%23c%3Fd%25e.md'],
    ['letters beyond ASCII', '/srv/files/Jörg.txt', 'file:///srv/files/J%C3%B6rg.txt'],
  ])('escapes %s [SERVE-STDIO]', (_what, file, uri) => {
    expect(uris.uriOf(file)).toBe(uri);
  });

  it.each([
    ['the folder itself', 'file:///srv/files'],
    ['the folder with a slash', 'file:///srv/files/'],
    ['a folder that begins with its name', 'file:///srv/files-evil/a'],
    ['dots', 'file:///srv/files/../passwd'],
    ['dots that stay inside', 'file:///srv/files/sub/../a'],
    ['a dot', 'file:///srv/files/./a'],
    ['encoded dots', 'file:///srv/files/%2e%2e/passwd'],
    ['half-encoded dots', 'file:///srv/files/.%2E/passwd'],
    ['an encoded slash', 'file:///srv/files/..%2Fpasswd'],
    ['a small encoded slash', 'file:///srv/files/sub%2fa'],
    ['an empty segment', 'file:///srv/files//a'],
    ['a slash at the end', 'file:///srv/files/a/'],
    ['an encoded NUL', 'file:///srv/files/a%00.txt'],
    ['a NUL', 'file:///srv/files/a\0.txt'],
    ['a backslash', String.raw`file:///srv/files/..\passwd`],
    ['a scheme in capitals', 'FILE:///srv/files/a'],
    ['a host', 'file://localhost/srv/files/a'],
    ['a path alone', '/srv/files/a'],
    ['another case', 'file:///srv/FILES/a'],
    ['a query', 'file:///srv/files/a?b'],
    ['a fragment', 'file:///srv/files/a#b'],
    ['an escape that is not needed', 'file:///srv/files/%61'],
    ['an escape in small letters', 'file:///srv/files/J%c3%b6rg'],
    ['an escape that is missing', 'file:///srv/files/a b'],
    ['a malformed escape', 'file:///srv/files/%zz'],
    ['half an escape', 'file:///srv/files/%E0%A4'],
    ['a tab that parsers drop', 'file:///srv/files/.\t./a'],
    ['a line break that parsers drop', 'file:///srv/files/.\n./a'],
  ])('does not know %s [SERVE-ESCAPES]', (_what, uri) => {
    expect(uris.pathOf(uri)).toBeUndefined();
  });

  it('takes what is encoded twice for a name, never for a path [SERVE-ESCAPES]', () => {
    expect(uris.pathOf('file:///srv/files/%252e%252e%252fpasswd')).toBe(
      '/srv/files/%2e%2e%2fpasswd',
    );
  });

  it('never leads out, whatever the URI [SERVE-ESCAPES]', () => {
    const piece = fc.constantFrom(
      ...['..', '.', '/', '//', '%2e', '%2E', '%2f', '%5c', '\\', '%00', '%25', 'a', ':', '@', '?'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const file = uris.pathOf(`${uris.prefix}${pieces.join('')}`);
        if (file === undefined) return;
        expect(file.startsWith('/srv/files/')).toBe(true);
        expect(file.split('/')).not.toContain('..');
      }),
      { numRuns: 5_000 },
    );
  });

  it('serves the root of the file system too [SERVE-STDIO]', () => {
    const all = new FileUris('/');
    expect(all.prefix).toBe('file:///');
    expect(all.pathOf('file:///etc/hosts')).toBe('/etc/hosts');
  });
});
