import type { ReadContext } from '../manager/read-context.ts';
import type { RegistryChange, UriRegistry } from '../registry/uri-registry.ts';

const abandoned = new FinalizationRegistry<() => void>((stop) => stop());

/**
 * Tells a follower of changes of a registry without keeping it alive: servers that are made for
 * each session come and go, and nobody tells them to let go of a registry that outlives them.
 *
 * @param onChange knows the follower by its argument only, best as a function of a module: closures
 * made in one scope keep all of it alive
 * @returns ends it
 */
export function followRegistry<T extends WeakKey>(
  registry: UriRegistry<ReadContext>,
  follower: T,
  onChange: (follower: T, change: RegistryChange<ReadContext>) => void,
): () => void {
  const reference = new WeakRef(follower);
  const stop = registry.onChange((change) => {
    const alive = reference.deref();
    if (alive === undefined) stop();
    else onChange(alive, change);
  });
  abandoned.register(follower, stop, stop);
  return () => {
    abandoned.unregister(stop);
    stop();
  };
}
