import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The folder of the project, also for the compiled program. */
export const ROOT = path.dirname(
  createRequire(import.meta.url).resolve('mcp-granary/package.json'),
);

/** Packages that a bench compares with, or that its figures depend on. */
const PACKAGES = [
  '@cacheable/memory',
  '@keyv/redis',
  '@modelcontextprotocol/sdk',
  'bentocache',
  'cache-manager',
  'cacheable',
  'ioredis',
  'layered-loader',
  'lmdb',
  'lru-cache',
  'quick-lru',
  'redis',
  'tiny-lru',
  'transitory',
];

function versionIn(folder: string): string | undefined {
  try {
    const manifest = readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version?: string }).version;
  } catch {
    // Not installed: the bench that needs it says so.
    return undefined;
  }
}

function mokaVersion(): string | undefined {
  const lock = readFileSync(path.join(ROOT, 'Cargo.lock'), 'utf8');
  return /^name = "moka"\nversion = "(.+)"$/m.exec(lock)?.[1];
}

/** Versions of what is measured, by name; what is not installed is left out. */
export function versions(): Readonly<Record<string, string>> {
  const found: (readonly [string, string | undefined])[] = [
    ['mcp-granary', versionIn('.')],
    ['moka', mokaVersion()],
    ...PACKAGES.map((name) => [name, versionIn(`node_modules/${name}`)] as const),
  ];
  return Object.fromEntries(
    found.flatMap(([name, version]) => (version === undefined ? [] : [[name, version]])),
  );
}
