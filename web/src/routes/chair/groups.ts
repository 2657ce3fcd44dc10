/** Who the chair must look at first: the roster in groups, ordered by what needs an act. */
import type { BallotShown, Motion, Person, SessionView } from '../../lib/api/types';

export type GroupKey =
  'dropped' | 'not_voted' | 'voted' | 'to_check' | 'present' | 'expected' | 'absent' | 'gone';

export interface Group {
  key: GroupKey;
  people: Person[];
  /** Present people in it who do not vote (probationary, exempt, guests). */
  withoutVote: number;
}

/** The motion whose ballots are being counted: open, or closed and not yet announced. */
export function motionAtWork(view: SessionView): Motion | null {
  const motion = view.motion;
  return motion && (motion.state === 'open' || motion.state === 'closed') ? motion : null;
}

export function ballotOf(motion: Motion | null, person: string): BallotShown | null {
  return motion?.ballots.find((ballot) => ballot.person === person) ?? null;
}

function keyOf(person: Person, motion: Motion | null, rollCall: boolean): GroupKey {
  switch (person.attendance) {
    case 'dropped':
      return motion && ballotOf(motion, person.id) ? 'voted' : 'dropped';
    case 'present':
      if (motion && person.votes) {
        return ballotOf(motion, person.id) ? 'voted' : 'not_voted';
      }
      return 'present';
    case 'expected':
      // Connected but not yet counted: these are the ones a roll call is about.
      return rollCall && person.connected ? 'to_check' : 'expected';
    case 'absent':
    case 'absent_reason':
      return 'absent';
    case 'left':
    case 'removed':
      return 'gone';
  }
}

const ORDER: GroupKey[] = [
  'dropped',
  'not_voted',
  'to_check',
  'voted',
  'present',
  'expected',
  'absent',
  'gone',
];

/** Empty groups are left out. The roster's own order is kept inside a group. */
export function groupPeople(view: SessionView): Group[] {
  const motion = motionAtWork(view);
  const rollCall = view.stage === 'roll_call' || view.stage === 'waiting' || view.stage === 'open';
  const groups = new Map<GroupKey, Person[]>();
  for (const person of view.people) {
    const key = keyOf(person, motion, rollCall);
    const list = groups.get(key);
    if (list) list.push(person);
    else groups.set(key, [person]);
  }
  return ORDER.flatMap((key) => {
    const people = groups.get(key);
    if (!people) return [];
    return [{ key, people, withoutVote: people.filter((person) => !person.votes).length }];
  });
}
