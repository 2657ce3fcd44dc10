/** How good the line is, judged from what has arrived, and when pictures give way to sound. */
import type { Line } from '$lib/ui/LineBars.svelte';

/** What was measured over the last interval. */
export interface Sample {
  /** Part of the packets lost, 0 to 1; null when nothing was expected. */
  loss: number | null;
  /** Round trip in milliseconds; null when not known. */
  rtt: number | null;
}

export function judge({ loss, rtt }: Sample): Line {
  if (loss === null && rtt === null) return 'fair';
  const lost = loss ?? 0;
  const trip = rtt ?? 0;
  // Opus hides about 10 % loss; above a second of round trip, talk turns into waiting.
  if (lost > 0.12 || trip > 1000) return 'poor';
  if (lost > 0.03 || trip > 350) return 'fair';
  return 'good';
}

export interface Pictures {
  paused: boolean;
  /** Intervals in a row that speak for a change. */
  run: number;
  /** Good intervals wanted before pictures come back; doubles each time they fail again. */
  patience: number;
}

const POOR_TO_PAUSE = 2;
const GOOD_TO_RETURN = 4;
const MOST_PATIENCE = 32;

export const pictures: Pictures = { paused: false, run: 0, patience: GOOD_TO_RETURN };

/** The next state after one more interval. */
export function step(state: Pictures, line: Line): Pictures {
  const poor = line === 'poor' || line === 'none';
  if (!state.paused) {
    if (!poor) {
      const calm = state.run < 0 ? state.run - 1 : -1;
      // A long calm forgives: the next return is quick again.
      return -calm > MOST_PATIENCE ? pictures : { ...state, run: calm };
    }
    const run = state.run > 0 ? state.run + 1 : 1;
    return run >= POOR_TO_PAUSE ? { ...state, paused: true, run: 0 } : { ...state, run };
  }
  if (poor) return { ...state, run: 0 };
  const run = state.run + 1;
  if (run < state.patience) return { ...state, run };
  return { paused: false, run: 0, patience: Math.min(MOST_PATIENCE, state.patience * 2) };
}

/** Megabytes in an hour at so many kilobits in a second. */
export const megabytesPerHour = (kbps: number): number => Math.round((kbps * 3600) / 8 / 1000);
