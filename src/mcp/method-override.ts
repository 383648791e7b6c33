/**
 * Puts a function in the place of a method of one object, before or after others do the same.
 *
 * @param override given the method as it was, bound to the object
 * @returns what undoes it; where others have wrapped it since, it passes calls on from then
 */
export function overrideMethod<T extends object, Name extends keyof T>(
  target: T,
  name: Name,
  override: (former: T[Name]) => T[Name],
): () => void {
  type Method = (...args: unknown[]) => unknown;
  const isOwn = Object.hasOwn(target, name);
  const former = target[name] as Method;
  const bound = former.bind(target);
  let current = override(bound as T[Name]) as Method;
  const replacement = ((...args) => current(...args)) satisfies Method;
  target[name] = replacement as T[Name];
  return () => {
    current = bound;
    if (target[name] !== replacement) return;
    if (isOwn) target[name] = former as T[Name];
    else delete target[name];
  };
}
