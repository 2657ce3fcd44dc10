/** How a member's list of sessions is ordered. */
import type { SessionListed, Stage } from '$lib/api/types';

const OVER: readonly Stage[] = ['closed', 'abandoned', 'adjourned'];
const BEFORE: readonly Stage[] = ['draft', 'convened'];

export const isOver = (one: Pick<SessionListed, 'stage'>): boolean => OVER.includes(one.stage);

export const isRunning = (one: Pick<SessionListed, 'stage'>): boolean =>
  !isOver(one) && !BEFORE.includes(one.stage);

/** Running first, then by nearness in time: coming ones soonest first, past ones latest first. */
export function order(sessions: readonly SessionListed[]): SessionListed[] {
  const time = (one: SessionListed) => new Date(one.starts_at).getTime();
  const rank = (one: SessionListed) => (isRunning(one) ? 0 : isOver(one) ? 2 : 1);
  return sessions.toSorted((a, b) => {
    const by = rank(a) - rank(b);
    if (by) return by;
    return rank(a) === 2 ? time(b) - time(a) : time(a) - time(b);
  });
}
