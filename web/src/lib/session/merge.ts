/**
 * JSON merge patch: how the live socket says what changed in the view. Unlike RFC 7396, null is
 * kept as a value, because the view's fields are fixed and many of them may be null.
 */

type Value = unknown;

const isObject = (value: Value): value is Record<string, Value> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The target with the patch applied; parts that did not change keep their identity. */
export function merge<T>(target: T, patch: Value): T {
  if (!isObject(patch)) return patch as T;
  const result: Record<string, Value> = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    result[key] = merge(result[key], value);
  }
  return result as T;
}
