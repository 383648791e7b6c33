// Loaders by URI pattern, in front of one cache; what is private is kept apart for each principal.
import { ResourceManager } from 'mcp-granary';

const manager = new ResourceManager({ maxEntries: 10_000 });
manager.register('user://{id}/profile', (_uri, { id }) => ({ id, name: `User ${id}` }), {
  ttlMs: 300_000,
  tags: ['users'],
  public: true,
});
manager.register('mail://inbox', (_uri, _params, { principal }) => `The mail of ${principal}`);
manager.on('invalidated', ({ uri }) => console.log(`${uri} was dropped`));

const profile = await manager.read('user://42/profile');
console.log(profile.contents[0]?.text); // {"id":"42","name":"User 42"}
const inbox = await manager.read('mail://inbox', { principal: 'ada' });
console.log(inbox.contents[0]?.text); // The mail of ada

manager.invalidateTag('users'); // user://42/profile was dropped
manager.close();
