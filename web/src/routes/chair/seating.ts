/** Which pictures the leaders' stage shows, and who is large. */
import type { SessionView } from '$lib/api/types';
import type { Seat } from '$lib/media/room.svelte';

export interface Seating {
  main: Seat | null;
  others: Seat[];
}

/** A person's place in the order of small pictures: the leaders first, then whoever speaks. */
function weight(seat: Seat, view: SessionView): number {
  if (seat.person && seat.person === view.chair) return 0;
  if (seat.person && seat.person === view.secretary) return 1;
  if (seat.room) return 2;
  if (seat.speaking) return 3;
  if (seat.person && view.queue.includes(seat.person)) return 4;
  if (seat.camera) return 5;
  return 6;
}

/** One seat a person, the one with a picture if they have two devices. */
export function onePerPerson(seats: readonly Seat[]): Seat[] {
  const kept = new Map<string, Seat>();
  for (const seat of seats) {
    const key = seat.person ?? seat.identity;
    const other = kept.get(key);
    if (!other || (!other.camera && seat.camera)) kept.set(key, seat);
  }
  return [...kept.values()];
}

export function seatingOf(seats: readonly Seat[], view: SessionView, small: number): Seating {
  const people = onePerPerson(seats);
  const sharing = people.find((seat) => seat.screen);
  const holder = people.find((seat) => seat.person !== null && seat.person === view.floor?.person);
  const speaking = people.find((seat) => seat.speaking && !seat.own);
  const chair = people.find((seat) => seat.person === view.chair && !seat.own);
  const main =
    sharing ?? holder ?? speaking ?? chair ?? people.find((seat) => seat.room) ?? people[0] ?? null;
  const others = people
    .filter((seat) => seat !== main)
    .sort((a, b) => weight(a, view) - weight(b, view))
    .slice(0, small);
  return { main, others };
}
