/** Letters as rows carry them: without I and O, which read as 1 and 0 on a ticket. */
const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ';

/** `A` for 0, `Z` for the last single letter, then `AA`, `AB` ... */
export function rowLabel(index: number): string {
  const letter = LETTERS.charAt(index % LETTERS.length);
  return index < LETTERS.length ? letter : rowLabel(Math.floor(index / LETTERS.length) - 1) + letter;
}
