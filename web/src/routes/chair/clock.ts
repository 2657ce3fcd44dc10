/** Times that a console shows: spent, left, late. */
import { duration } from '$lib/i18n/format';
import type { ItemState, SessionView } from '$lib/api/types';

export const secondsSince = (when: string, now: number) =>
  Math.max(0, Math.floor((now - Date.parse(when)) / 1000));

export const secondsUntil = (when: string, now: number) =>
  Math.ceil((Date.parse(when) - now) / 1000);

/** `2:14` */
export const since = (when: string, now: number) => duration(secondsSince(when, now));

/** Done and current items in the order they were begun, then the rest as they are expected. */
export function inOrder(items: readonly ItemState[]): ItemState[] {
  const begun = (state: ItemState) => state.state === 'done' || state.state === 'current';
  const time = (state: ItemState) =>
    Date.parse((begun(state) && state.started_at) || state.expected_at);
  return [...items].sort(
    (a, b) =>
      Number(begun(b)) - Number(begun(a)) || time(a) - time(b) || a.item.number - b.item.number,
  );
}

export interface Finish {
  at: Date;
  /** Positive: later than planned. */
  lateMinutes: number;
}

/** When the agenda will be through, if each item left takes its planned time. */
export function expectedEnd(view: SessionView, now: number): Finish {
  const planned =
    Date.parse(view.starts_at) +
    view.items.reduce((sum, { item }) => sum + item.minutes, 0) * 60_000;
  let left = 0;
  for (const state of view.items) {
    if (state.state === 'done') continue;
    const minutes = state.item.minutes * 60;
    left += state.state === 'current' ? Math.max(0, minutes - spent(state, now)) : minutes;
  }
  const start = view.opened_at ? now : Math.max(now, Date.parse(view.starts_at));
  const at = start + left * 1000;
  return { at: new Date(at), lateMinutes: Math.round((at - planned) / 60_000) };
}

/** Seconds spent on an item, running while it is current. */
export function spent(state: ItemState, now: number): number {
  if (state.state !== 'current' || !state.started_at) return state.seconds;
  return Math.max(state.seconds, secondsSince(state.started_at, now));
}
