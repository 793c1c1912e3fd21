export interface Bar {
  label: string;
  value: number;
}

/** A chart and the name of its file, without the ending. */
export interface Chart {
  file: string;
  title: string;
  bars: Bar[];
}

const WIDTH = 720;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 26;
const GAP = 10;
const TITLE_HEIGHT = 40;

/** A chart of horizontal bars as SVG, readable on a light and on a dark page. */
export function barChart(title: string, bars: Bar[]): string {
  const largest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const height = TITLE_HEIGHT + bars.length * (BAR_HEIGHT + GAP);
  const rows = bars.map(({ label, value }, nth) => {
    const top = TITLE_HEIGHT + nth * (BAR_HEIGHT + GAP);
    const middle = top + BAR_HEIGHT / 2;
    const length = Math.max(1, Math.round((value / largest) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH)));
    return [
      `<text x="${LABEL_WIDTH - 10}" y="${middle}" text-anchor="end" dominant-baseline="central">${escape(label)}</text>`,
      `<rect x="${LABEL_WIDTH}" y="${top}" width="${length}" height="${BAR_HEIGHT}" fill="#2f7fb5"/>`,
      `<text x="${LABEL_WIDTH + length + 8}" y="${middle}" dominant-baseline="central">${value.toLocaleString('en')}</text>`,
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="14" fill="#777">`,
    `<text x="0" y="20" font-size="16" font-weight="bold">${escape(title)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
