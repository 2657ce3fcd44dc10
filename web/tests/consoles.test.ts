import { describe, expect, it } from 'vitest';
import {
  baseView,
  board,
  closedView,
  recording,
  rollCallView,
  rules,
  votingView,
} from '../mock/fixtures.console';
import type { Seat } from '../src/lib/media/room.svelte';
import { asks } from '../src/routes/chair/acts';
import { expectedEnd, inOrder } from '../src/routes/chair/clock';
import { groupPeople } from '../src/routes/chair/groups';
import { seatingOf } from '../src/routes/chair/seating';
import { decisionsOf } from '../src/routes/chair/thresholds.svelte';
import { pathOf, timeLeft } from '../src/routes/after/path';
import { bodyOf, missing, moved, newLine, total, usualAgenda } from '../src/routes/convene/agenda';
import { search, waiting } from '../src/routes/officer/board';
import { pointsOf } from '../src/routes/dossier/points';
import { sectionsOf } from '../src/routes/secretary/notes';
import {
  correction,
  mainPerson,
  personRows,
  segmentAt,
  speakerAt,
  ticks,
} from '../src/routes/dossier/timeline';

const seat = (person: string | null, more: Partial<Seat> = {}): Seat => ({
  identity: `${person ?? 'room'}.x`,
  person,
  room: person === null,
  name: person ?? 'room',
  camera: null,
  screen: null,
  microphone: true,
  speaking: false,
  own: false,
  ...more,
});

describe('the people column', () => {
  it('puts whoever dropped first and never loses anybody', () => {
    const view = baseView();
    const groups = groupPeople(view);
    expect(groups[0]?.key).toBe('dropped');
    expect(groups[0]?.people.map((person) => person.id)).toEqual(['p09', 'p10']);
    expect(groups.flatMap((group) => group.people)).toHaveLength(view.people.length);
  });

  it('parts those present by whether they have voted while a vote is open', () => {
    const groups = new Map(groupPeople(votingView()).map((group) => [group.key, group.people]));
    expect(groups.get('not_voted')?.map((person) => person.id)).toEqual(['p09', 'p11']);
    expect(groups.get('voted')).toHaveLength(14);
    // A probationary member is present, but nobody waits for their ballot.
    expect(groups.get('present')?.map((person) => person.official)).toEqual([false]);
  });

  it('shows at the roll call who is connected and not yet counted', () => {
    const [first] = groupPeople(rollCallView());
    expect(first?.key).toBe('to_check');
    expect(first?.people.every((person) => person.connected)).toBe(true);
  });
});

describe('an act', () => {
  it('asks for the person it does not name, and goes through when it does', () => {
    expect(asks({ command: 'name-secretary', body: {} })).toBe('person');
    expect(asks({ command: 'name-secretary', body: { person: 'p07' } })).toBe('nothing');
  });

  it('always shows the text to be voted on before it is proposed', () => {
    expect(asks({ command: 'propose-motion', body: { text: 'Thông qua', item: 'm5' } })).toBe(
      'motion',
    );
  });

  it('asks for a reason only of an absence that has one', () => {
    expect(asks({ command: 'mark-absent', body: { person: 'p1', with_reason: true } })).toBe(
      'reason',
    );
    expect(
      asks({ command: 'mark-absent', body: { person: 'p1', with_reason: false, reason: '' } }),
    ).toBe('nothing');
  });

  it('asks once more before what cannot be taken back', () => {
    expect(asks({ command: 'close', body: {} })).toBe('confirm');
    expect(asks({ command: 'close-vote', body: { motion: 'b' } })).toBe('confirm');
    expect(asks({ command: 'abandon', body: {} })).toBe('reason');
  });
});

describe('the agenda column', () => {
  it('shows a postponed item after the one that took its place', () => {
    const view = baseView();
    const items = view.items.map((state) =>
      state.item.number === 4
        ? { ...state, state: 'postponed' as const, started_at: null }
        : state.item.number === 5
          ? { ...state, state: 'current' as const, started_at: '2026-12-03T13:06:00Z' }
          : state,
    );
    expect(inOrder(items).map((state) => state.item.number)).toEqual([1, 2, 3, 5, 4, 6, 7]);
  });

  it('expects the end from what is left, not from what was planned', () => {
    const view = baseView();
    const now = Date.parse('2026-12-03T13:22:00Z'); // 20:22, item 4 of 15 minutes began 20:02
    const end = expectedEnd(view, now);
    expect(end.at.toISOString()).toBe('2026-12-03T14:12:00.000Z'); // 20 + 20 + 10 minutes left
    expect(end.lateMinutes).toBe(5);
  });

  it('knows from the rules which decisions need two thirds and which are secret', () => {
    const set = rules();
    const found = decisionsOf({
      ...set,
      rules: [
        ...set.rules,
        { ...set.rules[0]!, key: 'decision.expulsion.threshold', value: 'at_least_two_thirds' },
        { ...set.rules[0]!, key: 'decision.expulsion.ballot', value: 'secret' },
      ],
    });
    expect(found.map((one) => [one.kind, one.threshold, one.secret])).toEqual([
      ['ordinary', 'more_than_half', false],
      ['expulsion', 'at_least_two_thirds', true],
    ]);
  });
});

describe('the stage', () => {
  it('shows the holder of the floor large, and the chair first beside', () => {
    const seats = [seat('p03'), seat('p02'), seat('p01', { own: true }), seat(null)];
    const { main, others } = seatingOf(seats, baseView(), 3);
    expect(main?.person).toBe('p02');
    expect(others.map((one) => one.person)).toEqual(['p01', null, 'p03']);
  });

  it('shows one person once, however many devices they have', () => {
    const picture = {} as Seat['camera'];
    const seats = [seat('p02'), seat('p02', { identity: 'p02.y', camera: picture })];
    const { main, others } = seatingOf(seats, baseView(), 3);
    expect(main?.camera).toBe(picture);
    expect(others).toEqual([]);
  });

  it('gives a shared screen the large place', () => {
    const screen = {} as Seat['screen'];
    expect(seatingOf([seat('p02'), seat('p07', { screen })], baseView(), 3).main?.person).toBe(
      'p07',
    );
  });
});

describe("the secretary's notes", () => {
  it('stand beside the turn they were written of', () => {
    const sections = sectionsOf(baseView());
    const third = sections.find(({ state }) => state.item.number === 3);
    expect(third?.turns.map((turn) => [turn.person, turn.notes.length])).toEqual([
      ['p04', 0],
      ['p06', 1],
    ]);
    expect(third?.notes).toEqual([]);
  });
});

describe('after the close', () => {
  it('tells how far the dossier has come, and where it is stuck', () => {
    const view = closedView();
    expect(pathOf(view).map((step) => step.state)).toEqual(['done', 'done', 'done', 'done']);
    const sending = {
      ...view,
      delivery: {
        ...view.delivery,
        state: 'sending' as const,
        receipt: null,
        error: 'không nối được',
      },
    };
    expect(pathOf(sending).map((step) => step.state)).toEqual(['done', 'done', 'failed', 'ahead']);
    expect(pathOf(baseView()).map((step) => step.state)[0]).toBe('now');
  });

  it('counts down to the deadline and past it', () => {
    expect(timeLeft(47 * 3600_000 + 60_000)).toEqual({
      over: false,
      days: 1,
      hours: 23,
      minutes: 1,
    });
    expect(timeLeft(-90_000).over).toBe(true);
  });
});

describe('the agenda of a draft', () => {
  it('moves lines by one place and stops at the ends', () => {
    expect(moved(['a', 'b', 'c'], 2, -1)).toEqual(['a', 'c', 'b']);
    expect(moved(['a', 'b'], 0, -1)).toEqual(['a', 'b']);
    expect(moved(['a', 'b'], 1, 1)).toEqual(['a', 'b']);
  });

  it('names what is missing before it is sent', () => {
    const draft = {
      title: 'Sinh hoạt',
      starts: '2026-12-03T19:30',
      place: 'Nhà văn hóa',
      mode: 'hybrid' as const,
      lines: usualAgenda(),
    };
    expect(missing(draft)).toBeNull();
    expect(total(draft.lines)).toBeGreaterThanOrEqual(90);
    expect(missing({ ...draft, place: ' ' })).toBe('place');
    expect(missing({ ...draft, lines: [] })).toBe('items');
    expect(missing({ ...draft, lines: [newLine({ title: 'Bầu', kind: 'vote' })] })).toBe('motion');
    expect(missing({ ...draft, lines: [newLine({ title: 'Việc', minutes: '0' })] })).toBe('items');
  });

  it('sends a motion only of items that are voted on', () => {
    const lines = [newLine({ title: 'Bàn việc', motion: 'còn sót', decision: 'resolution' })];
    const body = bodyOf({
      title: 'Sinh hoạt',
      starts: '2026-12-03T19:30',
      place: 'Bản',
      mode: 'online',
      lines,
    });
    expect(body.items[0]).toMatchObject({ motion: null, decision: 'ordinary' });
  });
});

describe('the board', () => {
  it('finds a cell without marks', () => {
    expect(search(board().tiles, 'na lua').map((tile) => tile.name)).toEqual(['Nà Lúa']);
    expect(search(board().tiles, 'doi che')).toHaveLength(1);
  });

  it('lists new dossiers before late cells, and forgets those already judged', () => {
    const tasks = waiting(board());
    expect(tasks.slice(0, 2).every((tile) => tile.to_review)).toBe(true);
    expect(tasks[2]?.state).toBe('late');
    expect(tasks.some((tile) => tile.state === 'reported' && !tile.to_review)).toBe(false);
  });
});

describe('a recording', () => {
  const minute = 60_000;

  it('finds the file of a moment, and knows a gap', () => {
    const track = {
      id: 't',
      person: 'p01',
      name: 'A',
      kind: 'video',
      source: 'camera',
      segments: [
        { url: '1', start_ms: 0, duration_ms: 1000 },
        { url: '2', start_ms: 1500, duration_ms: 1000 },
      ],
    };
    expect(segmentAt(track, 999)?.segment.url).toBe('1');
    expect(segmentAt(track, 1200)).toBeNull();
    expect(segmentAt(track, 1750)).toMatchObject({ offset: 0.25, index: 1 });
    expect(segmentAt(track, 2500)).toBeNull();
  });

  it('follows the floor, keeps the last speaker, and obeys a choice', () => {
    const tape = recording();
    expect(speakerAt(tape, 50 * minute)).toBe('p03');
    expect(speakerAt(tape, 57 * minute)).toBeNull();
    expect(mainPerson(tape, 57 * minute, null, 'p03')).toBe('p03');
    expect(mainPerson(tape, 50 * minute, 'p07', 'p03')).toBe('p07');
  });

  it('gives each voice and place one row', () => {
    const rows = personRows(recording());
    expect(rows.map((row) => row.name)).toContain('Phòng họp, máy chung');
    expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length);
  });

  it('marks whole clock times on its scale', () => {
    const started = new Date('2026-12-03T12:37:00Z');
    const found = ticks(started, 60 * minute);
    expect(found[0]).toBe(3 * minute); // 12:40
    expect(found.every((at) => (started.getTime() + at) % (10 * minute) === 0)).toBe(true);
  });

  it('closes small distances unheard and jumps over large ones', () => {
    expect(correction(10, 10.01, 1)).toEqual({ seekTo: null, rate: 1 });
    expect(correction(10, 9.9, 1).rate).toBeGreaterThan(1);
    expect(correction(10, 10.1, 2).rate).toBeLessThan(2);
    expect(correction(10, 8, 1).seekTo).toBe(10);
  });

  it('sends the officer to incidents and votes that did not carry', () => {
    const labels = pointsOf(recording()).map((mark) => mark.kind);
    expect(labels).toEqual(['incident', 'vote', 'incident']);
  });
});
