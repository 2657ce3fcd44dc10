import { expect, test } from 'vitest';
import type { Motion, SessionView } from '../src/lib/api/types';
import {
  ballotCode,
  ballotStatement,
  checkInStatement,
  nextCounter,
  previousBallot,
} from '../src/lib/session/ballot';
import { makeKey } from '../src/lib/session/keys';

const view = (more: Partial<SessionView> = {}) =>
  ({
    id: 's1',
    me: 'p04',
    my_counter: 0,
    my_last_ballot: null,
    head: { seq: 40 },
    ...more,
  }) as SessionView;
const motion = { id: 'm1', hash: '9f'.repeat(32), rule_version: 'r1' } as Motion;
const seen = { seq: 41, hash: '1c'.repeat(32) };

test('a ballot names the matter, the device and the history it has seen', async () => {
  const key = await makeKey('s1', 'a1');
  expect(ballotStatement('i1', view(), motion, 'approve', key, seen)).toEqual({
    purpose: 'ballot',
    installation: 'i1',
    session: 's1',
    motion: 'm1',
    motion_hash: motion.hash,
    rule_version: 'r1',
    choice: 'approve',
    member: 'p04',
    device: key.keyId,
    counter: 1,
    previous: null,
    seen_seq: 41,
    seen_head: seen.hash,
  });
});

test('the counter rises above ballots cast here and on another device', async () => {
  const key = await makeKey('s1', 'a1');
  expect(nextCounter(view({ my_counter: 5 }), { ...key, counter: 2 })).toBe(6);
  expect(nextCounter(view({ my_counter: 5 }), { ...key, counter: 9 })).toBe(10);
});

test('the previous ballot is the last one known, on whichever device', async () => {
  const key = await makeKey('s1', 'a1');
  const elsewhere = view({ my_last_ballot: 'b1' });
  expect(previousBallot(elsewhere, { ...key, previous: { hash: 'a0', seq: 12 } })).toBe('b1');
  expect(previousBallot(elsewhere, { ...key, previous: { hash: 'c2', seq: 41 } })).toBe('c2');
});

test('who is no member of the session cannot sign for one', async () => {
  const key = await makeKey('s1', 'a1');
  expect(() => checkInStatement('i1', view({ me: null }), key, seen)).toThrow();
});

test('a key never leaves the device, and its id is sixteen digits', async () => {
  const key = await makeKey('s1', 'a1');
  expect(key.pair.privateKey.extractable).toBe(false);
  expect(key.keyId).toMatch(/^[0-9a-f]{16}$/);
});

test('a ballot code is eight characters in two groups, none of them easy to mistake', () => {
  expect(ballotCode('0'.repeat(64))).toBe('0000 0000');
  expect(ballotCode('f'.repeat(64))).toBe('ZZZZ ZZZZ');
  expect(ballotCode('45b6e9b5ca' + '0'.repeat(54))).toMatch(
    /^[0-9A-HJKMNP-TV-Z]{4} [0-9A-HJKMNP-TV-Z]{4}$/,
  );
});
