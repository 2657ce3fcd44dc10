/** Who is large on a member's stage, and who is in the strip below. */
import type { Seat } from '$lib/media/room.svelte';
import type { Person, SessionView } from '$lib/api/types';

/** One place on the stage: a person or the meeting room, with media or without. */
export interface Spot {
  key: string;
  person: Person | null;
  seat: Seat | null;
  room: boolean;
  own: boolean;
  screen: boolean;
}

export interface Layout {
  large: Spot | null;
  strip: Spot[];
}

const STRIP = 4;

function spot(view: SessionView, seat: Seat | null, id: string | null, screen = false): Spot {
  const person = view.people.find((one) => one.id === (id ?? seat?.person)) ?? null;
  const own = !!person && person.id === view.me;
  const key = `${seat?.identity ?? person?.id ?? 'none'}${screen ? '/screen' : ''}`;
  return { key, person, seat, room: seat?.room ?? false, own, screen };
}

/** The device of a person that shows most: one with a picture before one without. */
function seatOf(seats: readonly Seat[], person: string): Seat | null {
  const theirs = seats.filter((seat) => seat.person === person);
  return theirs.find((seat) => seat.camera) ?? theirs[0] ?? null;
}

export function layout(view: SessionView, seats: readonly Seat[]): Layout {
  const others = seats.filter((seat) => !seat.own && (seat.room || seat.person !== view.me));
  const shared = seats.find((seat) => seat.screen);
  const speaking = others.find((seat) => seat.speaking);
  const floor = view.floor?.person ?? null;
  const talker = floor
    ? spot(view, seatOf(seats, floor), floor)
    : speaking
      ? spot(view, speaking, null)
      : view.chair
        ? spot(view, seatOf(seats, view.chair), view.chair)
        : null;
  const large = shared ? spot(view, shared, null, true) : talker;

  const strip: Spot[] = [];
  const add = (one: Spot | null) => {
    if (!one || strip.length >= STRIP) return;
    if (large && one.key === large.key) return;
    if (!strip.some((known) => known.key === one.key)) strip.push(one);
  };
  if (view.me) add(spot(view, seats.find((seat) => seat.own) ?? null, view.me));
  if (shared) add(talker);
  if (view.chair) add(spot(view, seatOf(seats, view.chair), view.chair));
  const room = others.find((seat) => seat.room);
  const rest = others
    .filter((seat) => !seat.room)
    .toSorted(
      (a, b) => Number(b.speaking) - Number(a.speaking) || Number(!!b.camera) - Number(!!a.camera),
    );
  // The meeting room is many people: it keeps the last place of the strip.
  for (const seat of rest) if (strip.length < STRIP - (room ? 1 : 0)) add(spot(view, seat, null));
  if (room) add(spot(view, room, null));
  for (const person of view.people) {
    if (person.connected && !seatOf(seats, person.id)) add(spot(view, null, person.id));
  }
  return { large, strip };
}
