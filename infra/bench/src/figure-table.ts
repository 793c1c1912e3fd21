import Table from 'cli-table3';

/** Figures side by side, for the terminal and for the page. */
export interface FigureTable {
  title: string;
  /** One or two sentences on what was measured. */
  text: string;
  head: string[];
  rows: string[][];
}

export function toTerminal({ title, text, head, rows }: FigureTable): string {
  const table = new Table({
    head,
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, nth) => (nth === 0 ? 'left' : 'right')),
  });
  table.push(...rows);
  return `${title}: ${text}\n${table.toString()}`;
}

export function toMarkdown({ title, text, head, rows }: FigureTable): string[] {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, nth) => (nth === 0 ? '---' : '---:'));
  return [`### ${title}`, '', text, '', line(head), `|${rule.join('|')}|`, ...rows.map(line), ''];
}
