/** Who spoke and what was written of it, item by item. */
import type { ItemState, Note, SessionView } from '$lib/api/types';

export interface Turn {
  key: string;
  person: string;
  began: string;
  ended: string | null;
  notes: Note[];
}

export interface Section {
  state: ItemState;
  turns: Turn[];
  /** Notes on the item that belong to no turn. */
  notes: Note[];
}

/** A note belongs to the last turn of its person in its item begun before the note was written. */
export function sectionsOf(view: SessionView): Section[] {
  return view.items
    .map((state) => {
      const turns: Turn[] = (view.contributions ?? [])
        .filter((turn) => turn.item_id === state.item.id)
        .map((turn) => ({
          key: `${turn.person}-${turn.began_at}`,
          person: turn.person,
          began: turn.began_at,
          ended: turn.ended_at,
          notes: [],
        }));
      const loose: Note[] = [];
      for (const note of view.notes.filter((one) => one.item_id === state.item.id)) {
        const turn = turns.findLast(
          (one) => one.person === note.person && Date.parse(one.began) <= Date.parse(note.at),
        );
        (turn?.notes ?? loose).push(note);
      }
      return { state, turns, notes: loose };
    })
    .filter(({ state, turns, notes }) => turns.length || notes.length || state.state === 'current');
}
