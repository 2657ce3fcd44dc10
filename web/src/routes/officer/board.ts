/** The order and words of the board: urgency first, so that the eye stops after two rows. */
import type { CellBoard, CellTile } from '$lib/api/types';

export type State = CellTile['state'];

export const STATES: readonly State[] = [
  'late',
  'returned',
  'in_session',
  'due',
  'reported',
  'idle',
];

export function inOrder(tiles: readonly CellTile[]): CellTile[] {
  return tiles.toSorted(
    (a, b) =>
      STATES.indexOf(a.state) - STATES.indexOf(b.state) ||
      b.hours_late - a.hours_late ||
      (a.starts_at ?? '').localeCompare(b.starts_at ?? '') ||
      a.name.localeCompare(b.name, 'vi'),
  );
}

export const countOf = (board: CellBoard, state: State): number =>
  board.tiles.filter((tile) => tile.state === state).length;

/** Without marks and case: "na lua" finds "Nà Lúa". */
export const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replace(/đ/gi, 'd')
    .toLowerCase();

export function search(tiles: readonly CellTile[], text: string): CellTile[] {
  const wanted = plain(text).split(/\s+/).filter(Boolean);
  return tiles.filter((tile) => {
    const whole = plain(`${tile.name} ${tile.title} ${tile.item}`);
    return wanted.every((word) => whole.includes(word));
  });
}

/** "Chi bộ" stands before every name; in a grid of sixty it only hides the name. */
export const shortName = (name: string): string => {
  const short = name.replace(/^chi bộ\s+/i, '');
  return short.charAt(0).toUpperCase() + short.slice(1);
};

/** What waits for the officer: new dossiers first, then the late, then the returned. */
export function waiting(board: CellBoard, seen: (tile: CellTile) => boolean): CellTile[] {
  const fresh = board.tiles
    .filter((tile) => tile.state === 'reported' && tile.session_id && !seen(tile))
    .toSorted((a, b) => (b.received_at ?? '').localeCompare(a.received_at ?? ''));
  const late = inOrder(board.tiles.filter((tile) => tile.state === 'late'));
  const returned = board.tiles.filter((tile) => tile.state === 'returned' && tile.session_id);
  return [...fresh, ...late, ...returned];
}
