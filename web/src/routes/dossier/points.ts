/** What an officer should listen to: incidents, votes that did not carry, opinions kept against the majority. */
import type { Recording, TimelineMark } from '$lib/api/types';

export function pointsOf(recording: Recording): TimelineMark[] {
  return recording.marks
    .filter(
      (mark) =>
        mark.kind === 'incident' ||
        mark.kind === 'reserved' ||
        (mark.kind === 'vote' && ['refused', 'failed', 'void'].includes(mark.outcome ?? '')),
    )
    .toSorted((a, b) => a.at_ms - b.at_ms);
}
