// A cache that outlives its process: dumped to a file at the end, restored from it at the start.
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import { GranaryError, ResourceCache } from 'mcp-granary';

const folder = await mkdtemp(path.join(tmpdir(), 'warm-restart-'));
const file = path.join(folder, 'cache.dump');

const first = new ResourceCache<object>({ ttlMs: 3_600_000 });
first.set('user://42', { name: 'Ada' }, { tags: ['users'] });
first.set('user://43', { name: 'Grace' }, { ttlMs: 1 });
await pipeline(first.dump(), createWriteStream(file, { mode: 0o600 }));
first.close();

// Later, in another process: lives have gone on meanwhile.
await new Promise((resolve) => setTimeout(resolve, 10));
const second = new ResourceCache<object>({ ttlMs: 3_600_000 });
const { restored } = await second.restore(createReadStream(file));
console.log(restored, second.get('user://42')); // 1 { name: 'Ada' }
console.log(second.invalidateTag('users')); // 1

// What is not whole is refused, and changes nothing.
try {
  await second.restore(createReadStream(file, { end: 50 }));
} catch (error) {
  if (error instanceof GranaryError) console.log(error.code); // ERR_GRANARY_BAD_DUMP
}
second.close();
await rm(folder, { recursive: true });
