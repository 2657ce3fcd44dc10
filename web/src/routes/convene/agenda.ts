/** Editing an agenda: pure moves over a list of lines, and what still keeps it from being saved. */
import type { AgendaItemBody, SessionBody, SessionDetail } from '$lib/api/types';
import { clock, day, weekday } from '$lib/i18n/format';

export interface Line {
  /** Only this page's: keeps the line's fields together while lines move. */
  key: string;
  id: string | null;
  kind: AgendaItemBody['kind'];
  title: string;
  minutes: string;
  motion: string;
  decision: string;
}

let made = 0;

export const newLine = (from: Partial<Line> = {}): Line => ({
  key: `line-${++made}`,
  id: null,
  kind: 'discussion',
  title: '',
  minutes: '15',
  motion: '',
  decision: 'ordinary',
  ...from,
});

/** The order that 42-HD/BTCTW gives to a regular session, to start from. */
export const usualAgenda = (): Line[] => [
  newLine({ kind: 'other', title: 'Khai mạc, điểm danh', minutes: '10' }),
  newLine({ kind: 'report', title: 'Đảng phí; báo cáo tình hình tháng qua', minutes: '20' }),
  newLine({ kind: 'discussion', title: 'Thảo luận nhiệm vụ tháng tới', minutes: '30' }),
  newLine({
    kind: 'vote',
    title: 'Thông qua nghị quyết tháng',
    minutes: '15',
    motion: 'Thông qua dự thảo nghị quyết tháng của chi bộ',
    decision: 'resolution',
  }),
  newLine({ kind: 'other', title: 'Giao việc, chấm điểm, đọc biên bản, bế mạc', minutes: '20' }),
];

export const linesOf = (session: SessionDetail): Line[] =>
  session.items.map((item) =>
    newLine({
      id: item.id,
      kind: item.kind,
      title: item.title,
      minutes: String(item.minutes),
      motion: item.motion ?? '',
      decision: item.decision,
    }),
  );

/** The line at `from` moved by `by` places; unchanged at the ends. */
export function moved<T>(lines: readonly T[], from: number, by: number): T[] {
  const to = from + by;
  if (to < 0 || to >= lines.length || from < 0 || from >= lines.length) return [...lines];
  const next = [...lines];
  const [line] = next.splice(from, 1);
  next.splice(to, 0, line!);
  return next;
}

export const total = (lines: readonly Line[]): number =>
  lines.reduce((sum, line) => sum + (Number.parseInt(line.minutes, 10) || 0), 0);

export interface Draft {
  title: string;
  /** As a `datetime-local` field has it. */
  starts: string;
  place: string;
  mode: SessionBody['mode'];
  lines: Line[];
}

export type Missing = 'title' | 'starts' | 'place' | 'items' | 'motion';

export function missing(draft: Draft): Missing | null {
  if (draft.title.trim().length < 3) return 'title';
  if (Number.isNaN(Date.parse(draft.starts))) return 'starts';
  if (draft.place.trim().length < 2) return 'place';
  if (!draft.lines.length) return 'items';
  for (const line of draft.lines) {
    const minutes = Number.parseInt(line.minutes, 10);
    if (line.title.trim().length < 3 || !(minutes > 0)) return 'items';
    if (line.kind === 'vote' && line.motion.trim().length < 3) return 'motion';
  }
  return null;
}

/** Only of a draft that lacks nothing. */
export const bodyOf = (draft: Draft): SessionBody => ({
  title: draft.title.trim(),
  starts_at: new Date(draft.starts).toISOString(),
  place: draft.place.trim(),
  mode: draft.mode,
  items: draft.lines.map((line) => ({
    id: line.id,
    kind: line.kind,
    title: line.title.trim(),
    minutes: Number.parseInt(line.minutes, 10),
    motion: line.kind === 'vote' ? line.motion.trim() : null,
    decision: line.kind === 'vote' ? line.decision : 'ordinary',
  })),
});

/** `2026-12-03T19:30` in this device's own time, for a `datetime-local` field. */
export function localTime(when: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const date = `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
  return `${date}T${two(when.getHours())}:${two(when.getMinutes())}`;
}

/** What a `datetime-local` field holds, in words: browsers draw it in their own language's order. */
export const inWords = (local: string): string =>
  Number.isNaN(Date.parse(local))
    ? ''
    : `${clock(new Date(local))}, ${weekday(new Date(local))} ${day(new Date(local))}`;
