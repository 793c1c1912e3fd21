import { integer, nested, type Form } from './form';
import { invalidRequest, noSuch } from './stripe-error';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 100;

const CREATED: Record<string, (created: number, bound: number) => boolean> = {
  gt: (created, bound) => created > bound,
  gte: (created, bound) => created >= bound,
  lt: (created, bound) => created < bound,
  lte: (created, bound) => created <= bound,
};

/**
 * One page of a list, newest first, as Stripe pages: `limit`, `starting_after`, `ending_before`, `created[gte]` and so on.
 *
 * @param objects in the order they were created
 * @param url the list's own path, part of the answer
 */
export function listPage<T extends { id: string; created: number }>(objects: Iterable<T>, query: Form, url: string) {
  const limit = query.limit ? integer(query, 'limit', 1) : LIMIT_DEFAULT;
  if (limit > LIMIT_MAX) throw invalidRequest(`Limit must be at most ${LIMIT_MAX}.`, undefined, 'limit');
  const bounds = Object.entries(nested(query, 'created')).map(([operator, bound]) => {
    const holds = CREATED[operator];
    if (!holds) throw invalidRequest(`Unknown operator: ${operator}`, 'parameter_unknown', 'created');
    return (object: T) => holds(object.created, Number(bound));
  });
  const all = [...objects].reverse().filter((object) => bounds.every((holds) => holds(object)));
  if (query.ending_before) {
    const end = indexOf(all, query.ending_before);
    const start = Math.max(0, end - limit);
    return { object: 'list', data: all.slice(start, end), has_more: start > 0, url };
  }
  const start = query.starting_after ? indexOf(all, query.starting_after) + 1 : 0;
  return { object: 'list', data: all.slice(start, start + limit), has_more: start + limit < all.length, url };
}

function indexOf(objects: { id: string }[], id: string): number {
  const index = objects.findIndex((object) => object.id === id);
  if (index < 0) throw noSuch('object', id, 'starting_after');
  return index;
}
