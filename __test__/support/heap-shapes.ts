import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Pseudo-random numbers from 0 to 1 (mulberry32), so that each run measures the same data. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function list<T>(length: number, item: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => item(index));
}

function record<T>(length: number, key: (index: number) => string, item: (index: number) => T) {
  return Object.fromEntries(list(length, (index) => [key(index), item(index)]));
}

/** A GitHub issue in the form of its REST interface, cut to some thirty fields. */
function issue(index: number, random: () => number) {
  const number = 1_000 + index;
  const url = `https://api.github.com/repos/example/project/issues/${number}`;
  return {
    url,
    comments_url: `${url}/comments`,
    html_url: `https://github.com/example/project/issues/${number}`,
    id: 2_900_000_000 + index * 37,
    node_id: `I_kwDOA${(index * 7919).toString(36)}`,
    number,
    title: `Reading resource ${index} fails when the server restarts`,
    user: {
      login: `user-${index % 40}`,
      id: index % 40,
      avatar_url: `https://avatars.githubusercontent.com/u/${index % 40}?v=4`,
      type: 'User',
      site_admin: false,
    },
    labels: list(Math.floor(random() * 4), (label) => ({
      id: 100 + label,
      name: ['bug', 'help wanted', 'question', 'documentation'][label],
      color: 'd73a4a',
      default: label === 0,
      description: null,
    })),
    state: random() < 0.5 ? 'open' : 'closed',
    locked: false,
    assignee: null,
    comments: Math.floor(random() * 30),
    created_at: new Date(1_700_000_000_000 + index * 3_600_000).toISOString(),
    closed_at: null,
    score: random(),
    body: 'The client times out and the log says nothing. '.repeat(Math.ceil(random() ** 3 * 40)),
    reactions: { total_count: index % 5, '+1': index % 3, '-1': 0, laugh: 0, heart: 1 },
  };
}

/** Every package manifest installed for this project, again and again up to `copies` times. */
function manifests(copies: number): unknown[] {
  const root = fileURLToPath(new URL('../../node_modules', import.meta.url));
  const found: unknown[] = [];
  const folders = readdirSync(root).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(root, name)).map((inner) => join(name, inner)) : [name],
  );
  for (const folder of folders) {
    try {
      found.push(JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')));
    } catch {
      // Not a package.
    }
  }
  return list(copies, () => found).flat();
}

function nested(depth: number): string {
  return '{"a":['.repeat(depth) + ']}'.repeat(depth);
}

/**
 * JSON texts whose parsed form takes 1 MB of heap or more, of the kinds that differ in how V8 holds
 * them. Sizes lie on both sides of the number from which the estimate samples.
 */
export const heapShapes: Readonly<Record<string, () => string>> = {
  'small integers': () => JSON.stringify(list(300_000, (i) => i)),
  doubles: () => JSON.stringify(list(200_000, (i) => i + 0.5)),
  'doubles among strings': () => JSON.stringify(list(200_000, (i) => (i % 3 ? i + 0.5 : 'none'))),
  'rows of doubles': () => JSON.stringify(list(20_000, (i) => [i + 0.1, i + 0.2, i + 0.3])),
  booleans: () => JSON.stringify(list(200_000, (i) => (i % 2 ? true : null))),
  'short strings, all different': () => JSON.stringify(list(60_000, (i) => `id-${i}`)),
  'short strings of few kinds': () => JSON.stringify(list(300_000, (i) => `kind-${i % 9}`)),
  'short strings of many kinds': () => JSON.stringify(list(300_000, (i) => `k${i % 20_000}`)),
  'middling strings': () => JSON.stringify(list(60_000, (i) => `https://example.org/items/${i}`)),
  'two-byte strings': () => JSON.stringify(list(30_000, (i) => `запись номер ${i}`)),
  'Latin-1 strings': () => JSON.stringify(list(60_000, (i) => `café numéro ${i}`)),
  'long strings': () => JSON.stringify(list(40, (i) => `${i} lorem ipsum `.repeat(3_000))),
  'long two-byte strings': () =>
    JSON.stringify(list(40, (i) => `${i} lorem ipsum …`.repeat(2_000))),
  'strings of very different lengths': () => {
    const random = randomFrom(7);
    return JSON.stringify(list(20_000, () => 'x'.repeat(Math.floor(20 / (0.004 + random())))));
  },
  'few small objects': () => JSON.stringify(list(3_000, (i) => ({ text: 'y'.repeat(400), i }))),
  'small objects': () => JSON.stringify(list(50_000, (i) => ({ id: i, on: true, tag: 'a' }))),
  'objects with doubles': () => JSON.stringify(list(40_000, (i) => ({ x: i / 7, y: i / 3, z: 1 }))),
  'empty containers': () => JSON.stringify(list(50_000, (i) => (i % 2 ? {} : []))),
  'mixed array': () => {
    const random = randomFrom(11);
    const kinds = [
      (i: number) => i,
      (i: number) => i / 3,
      (i: number) => `some text ${i}`,
      () => null,
      (i: number) => [i, i + 1, `${i}`],
      (i: number) => ({ id: i, name: `name ${i}`, nested: { deep: [i] } }),
    ];
    return JSON.stringify(list(60_000, (i) => kinds[Math.floor(random() * kinds.length)]?.(i)));
  },
  'periodic array': () =>
    JSON.stringify(list(131_072, (i) => (i % 16 === 0 ? 'p'.repeat(300) : i))),
  'light first, heavy last': () =>
    JSON.stringify(list(40_000, (i) => (i < 20_000 ? i : { id: i, body: 'z'.repeat(100) }))),
  'deep nesting': () => nested(15_000),
  'wide tree': () =>
    JSON.stringify(list(30, (a) => list(30, (b) => list(30, (c) => [`${a}/${b}/${c} leaf`, c])))),
  'one dictionary': () =>
    JSON.stringify(
      record(
        20_000,
        (i) => `https://example.org/${i}`,
        (i) => i,
      ),
    ),
  'dictionary of objects': () =>
    JSON.stringify(
      record(
        20_000,
        (i) => `user:${i}`,
        (i) => ({ id: i, name: `user number ${i}` }),
      ),
    ),
  'many dictionaries': () =>
    JSON.stringify(
      list(100, (d) =>
        record(
          400,
          (i) => `key ${d}/${i}`,
          (i) => i,
        ),
      ),
    ),
  'dictionaries with the same names': () =>
    JSON.stringify(
      list(200, () =>
        record(
          200,
          (i) => `property-${i}`,
          (i) => i,
        ),
      ),
    ),
  'indexed properties': () =>
    JSON.stringify(
      record(
        200_000,
        (i) => `${i}`,
        (i) => i,
      ),
    ),
  'sparse indices': () =>
    JSON.stringify(
      record(
        30_000,
        (i) => `${i * 1_000}`,
        (i) => i,
      ),
    ),
  'objects with names of their own': () =>
    JSON.stringify(list(20_000, (i) => ({ [`a${i}`]: 1, [`b${i}`]: 2, [`c${i}`]: 3 }))),
  'objects with some of fifty names': () => {
    const random = randomFrom(3);
    const some = () =>
      Object.fromEntries(
        list(50, (i) => i)
          .filter(() => random() < 0.2)
          .map((i) => [`field${i}`, i]),
      );
    return JSON.stringify(list(10_000, some));
  },
  'package manifests': () => JSON.stringify(manifests(6)),
  'issues (some)': () => {
    const random = randomFrom(5);
    return JSON.stringify({ total_count: 900, items: list(900, (i) => issue(i, random)) });
  },
  'issues (many)': () => {
    const random = randomFrom(6);
    return JSON.stringify({ total_count: 8_000, items: list(8_000, (i) => issue(i, random)) });
  },
  'MCP tool result': () => {
    const random = randomFrom(9);
    const found = list(400, (i) => issue(i, random));
    return JSON.stringify({
      content: found.map((each) => ({ type: 'text', text: JSON.stringify(each) })),
      structuredContent: { items: found },
      isError: false,
    });
  },
};
