/** The same vectors as the server's tests: both clients must read a patch alike. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statementHash, type Json } from '../src/lib/session/canonical';
import { patched } from '../src/lib/session/patch';

interface Vectors {
  cases: { name: string; old: Json; patch: Json; new: Json }[];
  session: { view: Json; steps: { patch: Json; sha256: string }[] };
}

const file = new URL('../../tests/server/session/patches.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf-8')) as Vectors;

test.each(vectors.cases)('$name', ({ old, patch, new: expected }) => {
  const before = JSON.stringify(old);
  expect(patched(old, patch)).toEqual(expected);
  expect(JSON.stringify(old)).toBe(before);
});

test('a recorded session gives the view that the server had after every step', async () => {
  let view = vectors.session.view;
  for (const { patch, sha256 } of vectors.session.steps) {
    view = patched(view, patch);
    expect(await statementHash(view)).toBe(sha256);
  }
  expect(vectors.session.steps.length).toBeGreaterThan(15);
});

test('what did not change stays the same object, so that screens draw only what did', () => {
  const old = [
    { id: 'a', x: { y: 1 } },
    { id: 'b', x: { y: 1 } },
  ];
  const found = patched(old, { by: 'id', set: { b: { x: { y: 2 } } } }) as typeof old;
  expect(found[0]).toBe(old[0]);
  expect(found[1]).toEqual({ id: 'b', x: { y: 2 } });
});
