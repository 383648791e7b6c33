// A cache by URI: bounded in entries and bytes, one load however many ask.
import { ResourceCache } from 'mcp-granary';

const cache = new ResourceCache<string>({ maxEntries: 1_000, maxBytes: 50_000_000, ttlMs: 60_000 });
const loadUser = async (uri: string): Promise<string> => `the user of ${uri}`;

const readers = Array.from({ length: 100 }, () => cache.load('user://42', loadUser));
console.log((await Promise.all(readers))[99]); // the user of user://42
console.log(cache.stats().loads); // 1

cache.invalidatePattern('user://{id}');
console.log(cache.get('user://42')); // undefined
cache.close();
