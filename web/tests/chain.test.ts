import { expect, test } from 'vitest';
import type { EventHeader } from '../src/lib/api/types';
import { statementHash } from '../src/lib/session/canonical';
import { follow } from '../src/lib/session/chain';

const SESSION = 's1';
const GENESIS = '0'.repeat(64);

async function log(length: number, types: (seq: number) => string = () => 'joined') {
  const headers: EventHeader[] = [];
  let prev = GENESIS;
  for (let seq = 1; seq <= length; seq++) {
    const covered = {
      seq,
      prev,
      type: types(seq),
      time: '2026-12-03T12:30:00.000Z',
      actor: 'p01',
      payload_hash: 'ab'.repeat(32),
    };
    const hash = await statementHash({ session: SESSION, ...covered });
    headers.push({ ...covered, hash });
    prev = hash;
  }
  return headers;
}

const end = (headers: EventHeader[]) => {
  const last = headers.at(-1)!;
  return { seq: last.seq, hash: last.hash };
};

test('follows a whole log to its end', async () => {
  const headers = await log(5);
  expect(await follow(SESSION, null, headers)).toEqual({ intact: true, seen: end(headers) });
});

test('goes on from what was seen, and lets lines be repeated', async () => {
  const headers = await log(6);
  const seen = end(headers.slice(0, 4));
  expect(await follow(SESSION, seen, headers.slice(2))).toEqual({
    intact: true,
    seen: end(headers),
  });
});

test('notices that a line already seen has become another', async () => {
  const before = await log(4);
  const after = await log(6, (seq) => (seq === 2 ? 'left' : 'joined'));
  expect(await follow(SESSION, end(before), after)).toEqual({
    intact: false,
    at: 4,
    why: 'changed',
  });
});

test('notices a line that does not follow the one before', async () => {
  const headers = await log(4);
  const verdict = await follow(SESSION, end(headers.slice(0, 2)), headers.slice(3));
  expect(verdict).toEqual({ intact: false, at: 4, why: 'unlinked' });
});

test('notices a header whose hash is not its own', async () => {
  const headers = await log(3);
  const forged = headers.map((header) => (header.seq === 3 ? { ...header, actor: 'p09' } : header));
  expect(await follow(SESSION, null, forged)).toEqual({ intact: false, at: 3, why: 'hash' });
});

test('does not take the log of another session', async () => {
  const verdict = await follow('s2', null, await log(2));
  expect(verdict).toEqual({ intact: false, at: 1, why: 'hash' });
});
