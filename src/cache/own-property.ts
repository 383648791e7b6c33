const { getOwnPropertyDescriptor } = Object;

/** What {@link ownValue} answers where there is no such property, as in a hole of an array. */
export const ABSENT: unique symbol = Symbol('absent');

/**
 * The value of an own data property; `undefined` for an accessor, whose getter is never called.
 * Not for proxies, which answer with code of their own.
 */
export function ownValue(holder: object, key: PropertyKey): unknown {
  const descriptor = getOwnPropertyDescriptor(holder, key);
  return descriptor === undefined ? ABSENT : descriptor.value;
}

/**
 * The language's own getter of a property that a subclass or an instance may shadow with code of
 * its own, as a function of the object.
 */
export function intrinsicGetter(prototype: object, key: PropertyKey): (holder: object) => unknown {
  const getter = getOwnPropertyDescriptor(prototype, key) as { get(this: object): unknown };
  // oxlint-disable-next-line typescript/unbound-method -- binding it to each object is the point
  return Function.prototype.call.bind(getter.get) as (holder: object) => unknown;
}
