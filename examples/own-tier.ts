// A second level of one's own (parts/own-tier.ts): two caches share it, as two processes share a database.
import { TieredCache } from 'mcp-granary';

import { OwnTier } from './parts/own-tier.ts';

const tier = new OwnTier();
const here = new TieredCache<string>({ tier });
const there = new TieredCache<string>({ tier });

let loads = 0;
const load = async (uri: string): Promise<string> => `${uri}, load ${++loads}`;
console.log(await here.load('user://42', load, { tags: ['users'] })); // user://42, load 1
await here.flush();
console.log(await there.load('user://42', load)); // user://42, load 1
await there.invalidateTag('users');
console.log(await here.load('user://42', load)); // user://42, load 2
here.close();
there.close();
