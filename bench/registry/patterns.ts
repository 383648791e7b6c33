/** A pattern, and a way to make URIs that belong to it and to no other. */
export interface BenchPattern {
  readonly pattern: string;
  uri(id: number): string;
}

/**
 * Patterns as a server with many sources has them: each has a scheme or a first segment of its own;
 * a fifth are exact URIs. No URI needs escapes, which not every contender decodes.
 */
export function benchPatterns(count: number): BenchPattern[] {
  return Array.from({ length: count }, (_, index): BenchPattern => {
    switch (index % 5) {
      case 0:
        return { pattern: `db${index}://{id}`, uri: (id) => `db${index}://${id}` };
      case 1:
        return {
          pattern: `app://service-${index}/users/{id}/profile`,
          uri: (id) => `app://service-${index}/users/${id}/profile`,
        };
      case 2:
        return {
          pattern: `files${index}://root/{+path}`,
          uri: (id) => `files${index}://root/src/part-${id % 7}/file-${id}.ts`,
        };
      case 3:
        return {
          pattern: `api://host-${index}/{collection}/items{?page,size}`,
          uri: (id) => `api://host-${index}/c${id % 11}/items?page=${id}&size=50`,
        };
      default:
        return {
          pattern: `config://unit-${index}/settings`,
          uri: () => `config://unit-${index}/settings`,
        };
    }
  });
}

/**
 * URIs of patterns drawn at random, the same in every run; out of `JSON.parse`, as a server gets
 * them, since V8 searches strings that were concatenated more slowly.
 */
export function benchUris(patterns: readonly BenchPattern[], count: number): string[] {
  // Numerical Recipes' linear congruential generator, full period over 2³².
  let state = 1;
  const uris = Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const pattern = patterns[Math.floor((state / 2 ** 32) * patterns.length)];
    if (pattern === undefined) throw new Error('there are no patterns');
    return pattern.uri(state % 100_000);
  });
  return JSON.parse(JSON.stringify(uris)) as string[];
}
