import { expect, test } from 'vitest';
import type { SessionListed, SessionView } from '../src/lib/api/types';
import { say, texts } from '../src/lib/i18n';
import { bytes, duration, givenName, groups, initials, phone } from '../src/lib/i18n/format';
import { barsOf } from '../src/lib/media/check.svelte';
import { isRoomDevice, personOf } from '../src/lib/media/identity';
import { chromeIntent, inApp } from '../src/lib/media/in-app';
import { judge, megabytesPerHour, pictures, step, type Pictures } from '../src/lib/media/line';
import { verdict } from '../src/lib/media/probe';
import { digitCells } from '../src/lib/ui/digits';
import { tickLeft, voteRuns } from '../src/lib/ui/meters';
import { moment } from '../src/routes/member/room/moment';
import { order } from '../src/routes/member/sessions';
import { until } from '../src/routes/member/session/until';

test('each digit gets a cell of its own, words do not', () => {
  expect(digitCells('Còn 1:05')).toEqual([
    { text: 'Còn ', digit: false },
    { text: '1', digit: true },
    { text: ':', digit: false },
    { text: '0', digit: true },
    { text: '5', digit: true },
  ]);
});

test('sentences take their parameters, and show one that is missing', () => {
  const t = texts({ place: 'đồng chí chờ thứ {place}' });
  expect(t('place', { place: 2 })).toBe('đồng chí chờ thứ 2');
  expect(say('còn {time}')).toBe('còn {time}');
});

test('times, sizes, names and numbers read as people write them', () => {
  expect(duration(65)).toBe('1:05');
  expect(duration(3725)).toBe('1:02:05');
  expect(bytes(1_300_000)).toBe('1,2 MB');
  expect(initials('Lò Văn Chung')).toBe('LC');
  expect(givenName('Lường Thị Sen')).toBe('Sen');
  expect(phone('0900000172')).toBe('0900 000 172');
  expect(groups('5a7a78cca4a0f420')).toBe('5a7a 78cc a4a0 f420');
});

test('a browser inside another app is recognised, an ordinary one is not', () => {
  const chrome =
    'Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36';
  expect(inApp(chrome)).toBeNull();
  expect(inApp(`${chrome} Zalo android/1`)).toEqual({ app: 'Zalo', system: 'android' });
  expect(inApp('Mozilla/5.0 (iPhone) AppleWebKit/605 [FBAN/FBIOS]')?.system).toBe('ios');
  expect(inApp('Mozilla/5.0 (Linux; Android 13; wv) Chrome/156.0')?.system).toBe('android');
});

test('the way out of such an app keeps the address', () => {
  expect(chromeIntent('https://hop.example/phien/s1/vao?x=1')).toBe(
    'intent://hop.example/phien/s1/vao?x=1#Intent;scheme=https;package=com.android.chrome;end',
  );
});

test('a line is judged by loss and by round trip', () => {
  expect(judge({ loss: 0, rtt: 80 })).toBe('good');
  expect(judge({ loss: 0.05, rtt: 80 })).toBe('fair');
  expect(judge({ loss: 0, rtt: 1200 })).toBe('poor');
  expect(judge({ loss: 0.3, rtt: null })).toBe('poor');
  expect(verdict({ rtt: 60, kbps: 4000 })).toBe('good');
  expect(verdict({ rtt: 400, kbps: 200 })).toBe('fair');
  expect(verdict({ rtt: 300, kbps: 64 })).toBe('poor');
});

const after = (state: Pictures, ...lines: Parameters<typeof step>[1][]) =>
  lines.reduce((one, line) => step(one, line), state);
const times = <T>(count: number, value: T) => Array<T>(count).fill(value);

test('one poor moment does not stop pictures, two do', () => {
  expect(after(pictures, 'poor').paused).toBe(false);
  expect(after(pictures, 'poor', 'good', 'poor').paused).toBe(false);
  expect(after(pictures, 'poor', 'poor').paused).toBe(true);
});

test('pictures come back by themselves, and wait longer each time they fail again', () => {
  const paused = after(pictures, 'poor', 'poor');
  expect(after(paused, ...times(3, 'good' as const)).paused).toBe(true);
  const back = after(paused, ...times(4, 'good' as const));
  expect(back.paused).toBe(false);
  const again = after(back, 'poor', 'poor');
  expect(after(again, ...times(4, 'good' as const)).paused).toBe(true);
  expect(after(again, ...times(8, 'good' as const)).paused).toBe(false);
});

test('a long calm makes the next return quick again', () => {
  const nervous = { ...pictures, patience: 32 };
  expect(after(nervous, ...times(40, 'good' as const)).patience).toBe(pictures.patience);
});

test('what an hour costs is told in megabytes', () => {
  expect(megabytesPerHour(45)).toBe(20);
});

test('sound is silence at nothing, and full bars at a loud voice', () => {
  expect(barsOf(0)).toBe(0);
  expect(barsOf(0.002)).toBe(0);
  expect(barsOf(0.05)).toBeGreaterThan(4);
  expect(barsOf(0.9)).toBe(9);
});

test('a device belongs to its person, and the meeting room to nobody', () => {
  expect(personOf('p03.1f9c02ab')).toBe('p03');
  expect(personOf('room.1f9c02ab')).toBeNull();
  expect(isRoomDevice('room.1f9c02ab')).toBe(true);
  expect(isRoomDevice('p03.1f9c02ab')).toBe(false);
});

test('ticks stand after their pip, and votes keep their order', () => {
  expect(tickLeft(11, 20)).toBe(55);
  expect(voteRuns(12, 1, 1, 20)).toEqual([
    { kind: 'approve', count: 12 },
    { kind: 'disapprove', count: 1 },
    { kind: 'abstain', count: 1 },
    { kind: 'none', count: 6 },
  ]);
});

test('a running session comes first, the past last and latest first', () => {
  const one = (id: string, stage: SessionListed['stage'], starts_at: string) =>
    ({ id, stage, starts_at }) as SessionListed;
  const sorted = order([
    one('old', 'closed', '2026-10-01T12:00:00Z'),
    one('last', 'closed', '2026-11-01T12:00:00Z'),
    one('next', 'convened', '2026-12-03T12:00:00Z'),
    one('now', 'items', '2026-12-01T12:00:00Z'),
  ]);
  expect(sorted.map((session) => session.id)).toEqual(['now', 'next', 'last', 'old']);
});

test('how long until the start is said in words', () => {
  const now = Date.parse('2026-12-03T12:00:00Z');
  expect(until('2026-12-03T12:08:00Z', now)).toBe('8 phút');
  expect(until('2026-12-03T14:30:00Z', now)).toBe('2 giờ 30 phút');
  expect(until('2026-12-06T12:00:00Z', now)).toBe('3 ngày');
  expect(until('2026-12-03T11:59:00Z', now)).toBeNull();
});

const room = (more: Partial<SessionView>) =>
  ({
    stage: 'items',
    me: 'p04',
    people: [{ id: 'p04', votes: true, checked_in: true }],
    queue: [],
    may: ['ask-floor', 'cast-ballot', 'check-in'],
    current_item: 'i1',
    motion: null,
    floor: null,
    ...more,
  }) as unknown as SessionView;
const open = { id: 'm1', state: 'open', my_choice: null };

test('at each moment there is one main act', () => {
  expect(moment(room({})).kind).toBe('speak');
  expect(moment(room({ queue: ['p09', 'p04'] }))).toEqual({ kind: 'queued', place: 2 });
  expect(moment(room({ floor: { person: 'p04' } } as never)).kind).toBe('floor');
  expect(moment(room({ motion: open } as never)).kind).toBe('vote');
  expect(moment(room({ motion: { ...open, my_choice: 'approve' } } as never)).kind).toBe('voted');
  expect(moment(room({ motion: { ...open, state: 'closed' } } as never)).kind).toBe('result');
  expect(moment(room({ stage: 'closed' })).kind).toBe('over');
});

test('who is not yet present checks in before anything else', () => {
  const late = [{ id: 'p04', votes: true, checked_in: false }] as never;
  expect(moment(room({ people: late, motion: open } as never)).kind).toBe('check-in');
});

test('who is not in the base is told to wait while the others vote', () => {
  const probationary = [{ id: 'p04', votes: false, checked_in: true }] as never;
  expect(moment(room({ people: probationary, motion: open } as never))).toEqual({
    kind: 'wait',
    text: 'waitVote',
  });
});
