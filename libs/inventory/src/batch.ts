import { strict as assert } from 'node:assert';

/** The request lost a race that a fresh snapshot settles: ask again. */
export interface Conflict {
  outcome: 'conflict';
}

/** A lost race is asked again this often before it counts as a fault. Each round has at least one winner. */
const CONFLICT_ROUNDS_MAX = 50;

/** A batch may name each seat, buyer, hold and key once: two holds of one seat in one statement both won. */
export function assertEachOnce(what: string, names: string[]): void {
  assert(new Set(names).size === names.length, `each ${what} at most once in a batch`);
}

/** Turns a statement's rows, which name their request by ordinal `i`, into outcomes in the order of the requests. */
export function inOrder<Request, Row extends { i: number }, Outcome>(
  requests: Request[],
  rows: Row[],
  toOutcome: (request: Request, row: Row) => Outcome,
): Outcome[] {
  assert(rows.length === requests.length, 'one row a request');
  const outcomes = new Array<Outcome>(requests.length);
  for (const row of rows) {
    // As many rows as requests, and none for the same one: so there is one for each.
    assert(outcomes[row.i] === undefined, 'each request once');
    outcomes[row.i] = toOutcome(at(requests, row.i), row);
  }
  return outcomes;
}

/** Runs `ask` until no request of the batch is answered by a conflict; those answered are not asked again. */
export async function withoutConflicts<Request, Outcome extends { outcome: string }>(
  requests: Request[],
  ask: (requests: Request[]) => Promise<(Outcome | Conflict)[]>,
): Promise<Outcome[]> {
  const outcomes = new Array<Outcome>(requests.length);
  let open = requests.map((_, i) => i);
  for (let round = 1; open.length > 0; round++) {
    assert(round <= CONFLICT_ROUNDS_MAX, 'a conflict is settled by a fresh snapshot');
    const answers = await ask(open.map((i) => at(requests, i)));
    open = open.filter((i, nth) => {
      const answer = at(answers, nth);
      if (isConflict(answer)) return true;
      outcomes[i] = answer;
      return false;
    });
  }
  return outcomes;
}

/** The outcome of a batch of one request. */
export function only<Outcome>(outcomes: Outcome[]): Outcome {
  assert(outcomes.length === 1, 'one request, one outcome');
  return at(outcomes, 0);
}

/** The seats asked for that are not among those found, in the order asked. */
export function missing(asked: string[], found: string[]): string[] {
  const known = new Set(found);
  return asked.filter((seatId) => !known.has(seatId));
}

function isConflict(answer: { outcome: string }): answer is Conflict {
  return answer.outcome === 'conflict';
}

/** @throws AssertionError when there is none at `i`: an answer is missing, or one too many came */
export function at<T>(items: T[], i: number): T {
  const item = items[i];
  assert(item !== undefined, `an item at ${i}`);
  return item;
}
