import type { DeadLetter } from '@holdfast/broker';

/** A table, numbered from 1 in the order of their death. */
export function listText(letters: readonly DeadLetter[], more: number): string {
  if (letters.length === 0) return 'No dead letters.';
  const rows = letters.map((letter, index) => [
    String(index + 1),
    letter.id,
    letter.diedAt.toISOString(),
    letter.messageName,
    letter.queue,
    String(letter.attempt),
    letter.reason,
  ]);
  const table = [['no', 'id', 'died at', 'message', 'queue', 'attempts', 'reason'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...(more > 0 ? [`${more} more: raise --limit to see them.`] : [])].join('\n');
}

/** Everything about one letter, as JSON; its body parsed where it is JSON. */
export function showText(letter: DeadLetter): string {
  return JSON.stringify({ ...letter, body: readable(letter.body) }, null, 2);
}

function readable(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
