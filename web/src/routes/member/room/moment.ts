/** What a member can do at this moment of the session: one main act, or what is waited for. */
import type { Motion, SessionView } from '$lib/api/types';

export type Moment =
  | { kind: 'check-in' }
  | { kind: 'vote'; motion: Motion }
  | { kind: 'voted'; motion: Motion }
  | { kind: 'result'; motion: Motion }
  | { kind: 'floor' }
  | { kind: 'queued'; place: number }
  | { kind: 'speak' }
  | { kind: 'wait'; text: Wait }
  | { kind: 'over' };

export type Wait =
  | 'waitOpen'
  | 'waitRollCall'
  | 'waitOthers'
  | 'waitAgenda'
  | 'waitItem'
  | 'waitVote'
  | 'waitConclude'
  | 'waitMinutes'
  | 'checkedIn'
  | 'recessTitle';

const OVER = ['closed', 'abandoned', 'adjourned'];

export function moment(view: SessionView): Moment {
  const { stage, motion, me } = view;
  const may = (command: string) => view.may.includes(command);
  const mine = view.people.find((person) => person.id === me);
  if (OVER.includes(stage)) return { kind: 'over' };
  if (may('check-in') && mine && !mine.checked_in) return { kind: 'check-in' };
  if (motion?.state === 'open') {
    if (motion.my_choice) return { kind: 'voted', motion };
    return may('cast-ballot') && mine?.votes
      ? { kind: 'vote', motion }
      : { kind: 'wait', text: 'waitVote' };
  }
  if (motion?.state === 'closed') return { kind: 'result', motion };
  if (me && view.floor?.person === me) return { kind: 'floor' };
  const place = me ? view.queue.indexOf(me) : -1;
  if (place >= 0) return { kind: 'queued', place: place + 1 };
  if (may('ask-floor') && view.current_item) return { kind: 'speak' };
  return { kind: 'wait', text: waiting(view) };
}

function waiting(view: SessionView): Wait {
  const mine = view.people.find((person) => person.id === view.me);
  switch (view.stage) {
    case 'open':
      return 'waitRollCall';
    case 'roll_call':
      return mine?.checked_in ? 'checkedIn' : 'waitOthers';
    case 'agenda':
      return 'waitAgenda';
    case 'items':
      return 'waitItem';
    case 'concluding':
      return 'waitConclude';
    case 'minutes':
      return 'waitMinutes';
    case 'recess':
      return 'recessTitle';
    default:
      return 'waitOpen';
  }
}
