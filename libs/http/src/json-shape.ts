const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const OPEN_ARRAY = '['.charCodeAt(0);
const OPEN_OBJECT = '{'.charCodeAt(0);
const CLOSE_ARRAY = ']'.charCodeAt(0);
const CLOSE_OBJECT = '}'.charCodeAt(0);

/**
 * How deep JSON text nests, and how many values it holds at most, seen before it is parsed. The parser takes any depth, but
 * whatever walks the value afterwards recurses: 100 kB of `[` would end in a stack overflow. And 3 bytes of text, `[],`,
 * become 40 bytes of memory or more: 64 MiB of them would end the process.
 */
export function shapeOf(json: string): { depth: number; values: number } {
  let [depth, depthMax, values] = [0, 0, 1];
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (inString) {
      if (char === BACKSLASH) i++;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) {
      inString = true;
    } else if (char === COMMA) {
      values++;
    } else if (char === OPEN_ARRAY || char === OPEN_OBJECT) {
      values++;
      depth++;
      if (depth > depthMax) depthMax = depth;
    } else if (char === CLOSE_ARRAY || char === CLOSE_OBJECT) {
      depth--;
    }
  }
  return { depth: depthMax, values };
}
