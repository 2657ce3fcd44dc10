/** How far a closed session's dossier has come. */
import type { SessionView } from '$lib/api/types';

export interface Step {
  key: 'closed' | 'drafted' | 'sent' | 'received';
  state: 'done' | 'now' | 'ahead' | 'failed';
  at: string | null;
}

const REACHED = { none: 0, drafting: 1, sealed: 2, sending: 2, acknowledged: 4 } as const;

export function pathOf(view: SessionView): Step[] {
  const { delivery } = view;
  const reached = view.closed_at ? Math.max(1, REACHED[delivery.state]) : 0;
  const keys = ['closed', 'drafted', 'sent', 'received'] as const;
  return keys.map((key, i) => ({
    key,
    state:
      i < reached
        ? 'done'
        : i === reached
          ? key === 'sent' && delivery.error
            ? 'failed'
            : 'now'
          : 'ahead',
    at:
      key === 'closed'
        ? view.closed_at
        : key === 'received'
          ? (delivery.receipt?.received_at ?? null)
          : null,
  }));
}

export interface Left {
  over: boolean;
  days: number;
  hours: number;
  minutes: number;
}

/** Of milliseconds, which may be negative: then it is overdue. */
export function timeLeft(ms: number): Left {
  const whole = Math.floor(Math.abs(ms) / 60_000);
  return {
    over: ms < 0,
    days: Math.floor(whole / 1440),
    hours: Math.floor(whole / 60) % 24,
    minutes: whole % 60,
  };
}

/** Kinds of documents as their numbers write them. */
export const symbols: Record<string, string> = { minutes: 'BB', resolution: 'NQ', report: 'BC' };

/** `05-BB/CB`: below ten with a leading zero. */
export const numbered = (number: number, symbol: string) =>
  `${String(number).padStart(2, '0')}-${symbol}/CB`;
