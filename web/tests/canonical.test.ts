import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  base64url,
  canonical,
  canonicalBytes,
  sha256,
  statementHash,
  type Json,
} from '../src/lib/session/canonical';
import { sign, type DeviceKey } from '../src/lib/session/keys';

interface Vectors {
  canonical: { value: Json; bytes: string; sha256: string }[];
  key: { pkcs8: string; spki: string; key_id: string };
  ballots: { statement: Json; canonical: string; hash: string; signature: string }[];
}

// The same file that the server's tests read: both sides must spell a statement alike.
const vectors = JSON.parse(
  readFileSync(new URL('../../tests/voting/vectors.json', import.meta.url), 'utf8'),
) as Vectors;

const bytes = (text: string) =>
  Uint8Array.from(Buffer.from(text, 'base64url')) as Uint8Array<ArrayBuffer>;
const P256 = { name: 'ECDSA', namedCurve: 'P-256' };

test.each(vectors.canonical)('spells $bytes as the server does', async (vector) => {
  expect(canonical(vector.value)).toBe(vector.bytes);
  expect(await sha256(canonicalBytes(vector.value))).toBe(vector.sha256);
});

test.each(vectors.ballots)('hashes a ballot to its receipt $hash', async (ballot) => {
  expect(canonical(ballot.statement)).toBe(ballot.canonical);
  expect(await statementHash(ballot.statement)).toBe(ballot.hash);
});

test.each(vectors.ballots)(
  'accepts the signature the server made over ballot $hash',
  async (ballot) => {
    const key = await crypto.subtle.importKey('spki', bytes(vectors.key.spki), P256, true, [
      'verify',
    ]);
    const good = await crypto.subtle.verify(
      { name: 'ECDSA', hash: 'SHA-256' },
      key,
      bytes(ballot.signature),
      canonicalBytes(ballot.statement),
    );
    expect(good).toBe(true);
  },
);

test('names a key by the first sixteen digits of its hash', async () => {
  expect((await sha256(bytes(vectors.key.spki))).slice(0, 16)).toBe(vectors.key.key_id);
});

test('signs what the public key confirms, and nothing else', async () => {
  const pair = await crypto.subtle.generateKey(P256, false, ['sign', 'verify']);
  const statement = { purpose: 'ballot', choice: 'approve' };
  const signature = await sign({ pair } as DeviceKey, statement);
  const check = (value: Json) =>
    crypto.subtle.verify(
      { name: 'ECDSA', hash: 'SHA-256' },
      pair.publicKey,
      bytes(signature),
      canonicalBytes(value),
    );
  expect(bytes(signature)).toHaveLength(64);
  expect(await check(statement)).toBe(true);
  expect(await check({ ...statement, choice: 'disapprove' })).toBe(false);
});

test('refuses what two parties could spell differently', () => {
  expect(() => canonical('\ud800')).toThrow(TypeError);
  expect(() => canonical({ a: '\udc00' })).toThrow(TypeError);
  expect(() => canonical(Number.NaN)).toThrow(TypeError);
});

test('writes base64url without padding', () => {
  expect(base64url(new Uint8Array([251, 255]).buffer)).toBe('-_8');
});
