/** How pips and the ticks between them are laid out. */

/** Above this many voters pips become a solid bar. */
export const MOST_PIPS = 40;

export interface Tick {
  /** The tick stands after this many pips. */
  at: number;
  label: string;
}

export type Vote = 'approve' | 'disapprove' | 'abstain' | 'none';

export interface Run {
  kind: Vote;
  count: number;
}

/** Votes in their fixed order: approve, disapprove, abstain, not voted. */
export function voteRuns(
  approve: number,
  disapprove: number,
  abstain: number,
  base: number,
): Run[] {
  const none = Math.max(0, base - approve - disapprove - abstain);
  const runs: Run[] = [
    { kind: 'approve', count: approve },
    { kind: 'disapprove', count: disapprove },
    { kind: 'abstain', count: abstain },
    { kind: 'none', count: none },
  ];
  return runs.filter((run) => run.count > 0);
}

/** Percent from the left, for a tick over `base` pips of equal width. */
export const tickLeft = (at: number, base: number) => (base > 0 ? (100 * at) / base : 0);
