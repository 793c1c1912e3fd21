type Figure = string | number | boolean | null | object;

/** A figure a line, nested names joined: the table for people, in the terminal and on the page. */
export function rowsOf(figures: object, prefix = ''): [name: string, figure: string][] {
  return Object.entries(figures).flatMap(([name, value]: [string, Figure]): [string, string][] => {
    const path = prefix ? `${prefix}.${name}` : name;
    if (value === null) return [[path, '–']];
    return typeof value === 'object' ? rowsOf(value, path) : [[path, String(value)]];
  });
}
