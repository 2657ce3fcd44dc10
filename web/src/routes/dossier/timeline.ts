/** Reading a recording: which file plays at a moment, who speaks, what the scale shows. */
import type { Recording, SegmentListed, TimelineMark, TrackListed } from '../../lib/api/types';

export interface Placed {
  segment: SegmentListed;
  index: number;
  /** Seconds into the file. */
  offset: number;
}

/** The segment that holds `ms`, or null in a gap. Segments are in order of time. */
export function segmentAt(track: TrackListed, ms: number): Placed | null {
  let low = 0;
  let high = track.segments.length - 1;
  while (low <= high) {
    const index = (low + high) >> 1;
    const segment = track.segments[index]!;
    if (ms < segment.start_ms) high = index - 1;
    else if (ms >= segment.start_ms + segment.duration_ms) low = index + 1;
    else return { segment, index, offset: (ms - segment.start_ms) / 1000 };
  }
  return null;
}

/** When a track next has something, at or after `ms`. */
export function nextStart(track: TrackListed, ms: number): number | null {
  const next = track.segments.find((segment) => segment.start_ms + segment.duration_ms > ms);
  return next ? Math.max(ms, next.start_ms) : null;
}

export function covers(mark: TimelineMark, ms: number): boolean {
  return mark.at_ms <= ms && ms < (mark.end_ms ?? Number.POSITIVE_INFINITY);
}

/** Who speaks at `ms`: the latest begun of the speaking marks that cover it. */
export function speakerAt(recording: Recording, ms: number): string | null {
  let found: TimelineMark | null = null;
  for (const mark of recording.marks) {
    if (mark.kind === 'floor' && mark.person && covers(mark, ms)) {
      if (!found || mark.at_ms >= found.at_ms) found = mark;
    }
  }
  return found?.person ?? null;
}

export function itemAt(recording: Recording, ms: number): TimelineMark | null {
  return recording.marks.findLast((mark) => mark.kind === 'item' && covers(mark, ms)) ?? null;
}

/** The picture to show large: what is chosen, else who speaks, else the last who did. */
export function mainPerson(
  recording: Recording,
  ms: number,
  chosen: string | null,
  last: string | null,
): string | null {
  return chosen ?? speakerAt(recording, ms) ?? last ?? firstWithPicture(recording);
}

function firstWithPicture(recording: Recording): string | null {
  return recording.tracks.find((track) => track.kind === 'video')?.person ?? null;
}

export interface Row {
  person: string | null;
  name: string;
  speaking: TimelineMark[];
  /** When this person was gone. */
  away: TimelineMark[];
}

/** One row for each voice or picture that was recorded or marked, first come first. */
export function personRows(recording: Recording): Row[] {
  const rows = new Map<string, Row>();
  const row = (person: string | null, name: string): Row => {
    const key = person ?? `place:${name}`;
    const found = rows.get(key);
    if (found) return found;
    const made: Row = { person, name, speaking: [], away: [] };
    rows.set(key, made);
    return made;
  };
  for (const track of recording.tracks) row(track.person, track.name);
  for (const mark of recording.marks) {
    if (mark.kind === 'floor') row(mark.person, mark.label).speaking.push(mark);
    if (mark.kind === 'presence' && mark.person) rows.get(mark.person)?.away.push(mark);
  }
  return [...rows.values()];
}

const STEPS_MINUTES = [1, 2, 5, 10, 15, 30, 60];

/** Whole clock times for the scale, at most `most` of them. Milliseconds after the start. */
export function ticks(startedAt: Date, durationMs: number, most = 8): number[] {
  const step =
    (STEPS_MINUTES.find((minutes) => durationMs / (minutes * 60_000) <= most) ?? 120) * 60_000;
  const begin = startedAt.getTime();
  const first = Math.ceil(begin / step) * step - begin;
  const found: number[] = [];
  for (let at = first; at <= durationMs; at += step) found.push(at);
  return found;
}

/** Left edge and width in per cent of the scale. */
export function place(
  at: number,
  end: number,
  durationMs: number,
): { left: number; width: number } {
  const total = Math.max(durationMs, 1);
  const left = Math.min(100, Math.max(0, (at / total) * 100));
  const right = Math.min(100, Math.max(left, (end / total) * 100));
  return { left, width: right - left };
}

export interface Correction {
  seekTo: number | null; // seconds into the file
  rate: number;
}

/**
 * How one player follows the common clock. Above `0.25 s` the ear hears two rooms, so it jumps;
 * below, five per cent of speed closes the distance unheard.
 */
export function correction(expected: number, actual: number, speed: number): Correction {
  const late = expected - actual;
  if (Math.abs(late) > 0.25) return { seekTo: expected, rate: speed };
  if (Math.abs(late) < 0.03) return { seekTo: null, rate: speed };
  return { seekTo: null, rate: speed * (late > 0 ? 1.05 : 0.95) };
}
