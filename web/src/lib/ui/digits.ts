/** Splits a text into single digits, each drawn in a cell, and the runs between them. */
export interface Cell {
  text: string;
  digit: boolean;
}

export function digitCells(text: string): Cell[] {
  return (text.match(/\d|\D+/g) ?? []).map((part) => ({ text: part, digit: /\d/.test(part) }));
}
