import { parse } from 'secure-json-parse';
import { shapeOf } from './json-shape';
import { problem } from './problems';

/** A seating plan needs nine. */
const JSON_DEPTH_MAX = 32;
const TOO_DEEP = `It may nest ${JSON_DEPTH_MAX} levels deep.`;
/** A seating plan of 200,000 seats has two to three million. */
const JSON_VALUES_MAX = 5_000_000;
const TOO_MANY = `It may hold ${JSON_VALUES_MAX} values.`;

/**
 * Reads the bytes of a JSON body; undefined where there are none. Members that would change a prototype are refused.
 *
 * @throws Problem `malformed-json`
 */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const text = bytes.toString('utf8');
  const { depth, values } = shapeOf(text);
  if (depth > JSON_DEPTH_MAX) throw problem('malformed-json', { detail: TOO_DEEP });
  if (values > JSON_VALUES_MAX) throw problem('malformed-json', { detail: TOO_MANY });
  try {
    return parse(text) as unknown;
  } catch {
    throw problem('malformed-json');
  }
}
