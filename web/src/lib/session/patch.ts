/** Brings this device's copy of the view up to the server's: docs/protocol.md, "Patches". */
import type { Json } from './canonical';

interface ListPatch {
  /** The field that names an element; "#" its place in the old list, "" the element itself. */
  by: string;
  drop?: string[];
  set?: Record<string, Json>;
  add?: [place: number, element: Json][];
}

interface TextPatch {
  line: number;
  cut: number;
  put: string[];
}

/** The new value. What did not change is shared with `old`, which is left as it was. */
export function patched(old: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  if ('=' in patch) return patch['='] ?? null;
  if (Array.isArray(old)) return patchedList(old, patch as unknown as ListPatch);
  if (typeof old === 'string') return patchedText(old, patch as unknown as TextPatch);
  const found: Record<string, Json> = isObject(old) ? { ...old } : {};
  for (const [name, part] of Object.entries(patch)) {
    if (name !== '-') found[name] = patched(found[name] ?? null, part);
  }
  for (const name of (patch['-'] ?? []) as string[]) delete found[name];
  return found;
}

function patchedList(old: Json[], { by, drop = [], set = {}, add = [] }: ListPatch): Json[] {
  const found: Json[] = [];
  const dropped = new Set(drop);
  old.forEach((each, place) => {
    const name = nameOf(each, by, place);
    if (dropped.has(name)) return;
    const part = Object.hasOwn(set, name) ? set[name] : undefined;
    found.push(part === undefined ? each : patched(each, part));
  });
  for (const [place, each] of add) found.splice(place, 0, each);
  return found;
}

function nameOf(each: Json, by: string, place: number): string {
  if (by === '#') return String(place);
  return (by === '' ? each : isObject(each) ? each[by] : '') as string;
}

function patchedText(old: string, { line, cut, put }: TextPatch): string {
  const lines = old.split('\n');
  lines.splice(line, cut, ...put);
  return lines.join('\n');
}

function isObject(value: Json): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
