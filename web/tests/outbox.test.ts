import { beforeEach, expect, test, vi } from 'vitest';
import { Refused } from '../src/lib/api/client';
import type { Ack } from '../src/lib/api/types';
import * as disk from '../src/lib/session/disk';
import { Outbox, type Item } from '../src/lib/session/outbox.svelte';

const ack = (item: Item): Ack => ({
  seq: 7,
  hash: 'ab'.repeat(32),
  time: '2026-12-03T12:30:00.000Z',
  key_id: 'k',
  signature: 's',
  subject: item.command_id,
});

/** A server that answers with what is queued, then always confirms. */
class Line {
  sent: Item[] = [];
  constructor(readonly answers: (Error | 'ok')[] = []) {}
  async send(item: Item): Promise<Ack> {
    this.sent.push(item);
    const answer = this.answers.shift() ?? 'ok';
    if (answer !== 'ok') throw answer;
    return ack(item);
  }
}

const lost = () => new Refused('network', 'mất mạng');
const kept = () => disk.readAll<Item>('outbox');

beforeEach(async () => {
  for (const item of await kept()) await disk.remove('outbox', item.command_id);
});

test('forgets a command only when the server has confirmed it', async () => {
  const line = new Line();
  const outbox = new Outbox('s1', 'a1', line);
  const answer = outbox.give('ask-floor');
  await vi.waitFor(async () => expect(line.sent.length).toBe(1));
  expect((await answer).seq).toBe(7);
  expect(await kept()).toEqual([]);
  expect(outbox.pending).toEqual([]);
});

test('keeps a command on the disk before it is sent', async () => {
  let onDisk: Item[] = [];
  const outbox = new Outbox('s1', 'a1', {
    async send(item) {
      onDisk = await kept();
      return ack(item);
    },
  });
  await outbox.give('say', { text: 'chào' });
  expect(onDisk.map((item) => item.body)).toEqual([{ text: 'chào' }]);
});

test('sends again after a drop, with the same id', async () => {
  const line = new Line([lost(), lost()]);
  const outbox = new Outbox('s1', 'a1', line);
  const answer = outbox.give('cast-ballot');
  for (const tries of [1, 2]) {
    await vi.waitFor(() => expect(line.sent.length).toBe(tries));
    await vi.waitFor(() => expect(outbox.held).toBe(true));
    outbox.wake();
  }
  await answer;
  expect(new Set(line.sent.map((item) => item.command_id)).size).toBe(1);
  expect(line.sent.length).toBe(3);
});

test('keeps the order of commands while the line is down', async () => {
  const line = new Line([lost()]);
  const outbox = new Outbox('s1', 'a1', line);
  const answers = [outbox.give('check-in'), outbox.give('ask-floor')];
  await vi.waitFor(() => expect(outbox.held).toBe(true));
  outbox.wake();
  await Promise.all(answers);
  expect(line.sent.map((item) => item.name)).toEqual(['check-in', 'check-in', 'ask-floor']);
});

test('gives up what the server refuses, and says why', async () => {
  const outbox = new Outbox('s1', 'a1', new Line([new Refused('motion_closed', 'muộn', 409)]));
  await expect(outbox.give('cast-ballot')).rejects.toThrow('muộn');
  expect(await kept()).toEqual([]);
});

test('asks again when there are too many requests', async () => {
  const line = new Line([new Refused('too_many', 'chậm lại', 429)]);
  const outbox = new Outbox('s1', 'a1', line);
  const answer = outbox.give('say', { text: 'x' });
  await vi.waitFor(() => expect(outbox.held).toBe(true));
  outbox.wake();
  expect((await answer).seq).toBe(7);
});

test('after a reload sends what an earlier page had left, and tells of its end', async () => {
  const first = new Outbox('s1', 'a1', new Line([lost()]));
  void first.give('cast-ballot', { ballot: 1 });
  await vi.waitFor(() => expect(first.held).toBe(true));
  first.stop();

  const line = new Line();
  const ends: [string, number | undefined][] = [];
  const second = new Outbox('s1', 'a1', line, async (item, answer) => {
    ends.push([item.name, answer?.seq]);
  });
  await second.resume();
  await vi.waitFor(async () => expect(await kept()).toEqual([]));
  expect(ends).toEqual([['cast-ballot', 7]]);
  expect(line.sent[0]?.body).toEqual({ ballot: 1 });
});

test('leaves commands of another person or session alone', async () => {
  const first = new Outbox('s1', 'a1', new Line([lost()]));
  void first.give('leave');
  await vi.waitFor(() => expect(first.held).toBe(true));
  first.stop();
  const line = new Line();
  await new Outbox('s1', 'a2', line).resume();
  await new Outbox('s2', 'a1', line).resume();
  expect(line.sent).toEqual([]);
});
