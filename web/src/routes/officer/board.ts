/** Words and lists of the board. The server sends tiles by urgency, and they stay in that order. */
import { plain } from '$lib/i18n/plain';
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

export const countOf = (board: CellBoard, state: State): number =>
  board.tiles.filter((tile) => tile.state === state).length;

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

/** What waits for the officer: dossiers nobody has looked at, then late cells, then returned ones. */
export function waiting(board: CellBoard): CellTile[] {
  const fresh = board.tiles.filter((tile) => tile.to_review && tile.session_id);
  const late = board.tiles.filter((tile) => tile.state === 'late');
  const returned = board.tiles.filter((tile) => tile.state === 'returned');
  return [...fresh, ...late, ...returned];
}
