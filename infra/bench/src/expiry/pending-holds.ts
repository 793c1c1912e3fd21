import { createEvent, hold } from '@holdfast/inventory';
import type { HoldDeadline } from '@holdfast/expiry';
import type { Database } from '@holdfast/postgres';
import { v7 as newId } from 'uuid';

const HOLDS_PER_STATEMENT = 200;
const STATEMENTS_AT_ONCE = 4;
const MOVED_PER_STATEMENT = 5_000;
/** Long enough to be moved before it ends. */
const HOLD_SECONDS = 3_600;

/** Holds of one event with one seat each, in the groups that were committed together: a group has one deadline. */
export interface PendingHolds {
  eventId: string;
  groups: { holdIds: string[]; deadlineMs: number }[];
}

/** Takes so many holds with the product's own statement, `perGroup` of them to a deadline that is still far away. */
export async function takeHolds(db: Database, count: number, perGroup: number): Promise<PendingHolds> {
  const eventId = newId();
  const at = new Date();
  await createEvent(db, {
    ...{ eventId, name: 'Bench', currency: 'EUR', layout: '{}' },
    ...{ organiserId: 'bench', key: eventId, bodyHash: Buffer.alloc(1) },
    categories: [{ name: 'Standard', color: '#000000', priceMinor: 4_500 }],
    seats: Array.from({ length: count }, (_, nth) => ({ seatId: `S${nth}`, category: 0 })),
    sale: {
      ...{ startsAt: at, holdSeconds: HOLD_SECONDS, holdSecondsMax: HOLD_SECONDS, extensionsMax: 0 },
      ...{ seatsPerHoldMax: 1, seatsPerBuyerMax: 1, payGraceSeconds: 0, latePayment: 'void' },
    },
  });
  const holdIds: string[] = [];
  let next = 0;
  const take = async () => {
    while (next < count) {
      const from = next;
      next += HOLDS_PER_STATEMENT;
      const requests = Array.from({ length: Math.min(HOLDS_PER_STATEMENT, count - from) }, (_, nth) => ({
        ...{ holdId: newId(), buyerId: `buyer-${from + nth}`, key: 'bench', bodyHash: Buffer.alloc(1) },
        seatIds: [`S${from + nth}`],
      }));
      const outcomes = await hold(db, eventId, requests);
      const refused = outcomes.find(({ outcome }) => outcome !== 'held');
      if (refused) throw new Error(`A hold of the bench was refused: ${refused.outcome}`);
      requests.forEach(({ holdId }, nth) => (holdIds[from + nth] = holdId));
    }
  };
  await Promise.all(Array.from({ length: STATEMENTS_AT_ONCE }, take));
  const groups = Array.from({ length: Math.ceil(count / perGroup) }, (_, nth) => ({
    holdIds: holdIds.slice(nth * perGroup, (nth + 1) * perGroup),
    deadlineMs: Infinity,
  }));
  return { eventId, groups };
}

/** Moves the deadlines to where the scenario wants them: time moves by data. `deadlineOf` in the database's milliseconds. */
export async function moveDeadlines(
  db: Database,
  { eventId, groups }: PendingHolds,
  deadlineOf: (group: number) => number,
): Promise<void> {
  groups.forEach((group, nth) => (group.deadlineMs = deadlineOf(nth)));
  const moved = groups.flatMap(({ holdIds, deadlineMs }) => holdIds.map((holdId) => ({ holdId, deadlineMs })));
  for (let from = 0; from < moved.length; from += MOVED_PER_STATEMENT) {
    const part = moved.slice(from, from + MOVED_PER_STATEMENT);
    await db.query(moveSql, [
      eventId,
      part.map(({ holdId }) => holdId),
      part.map(({ deadlineMs }) => deadlineMs / 1_000),
    ]);
  }
}

const moveSql = `
WITH moved AS (
  UPDATE inventory.holds h SET deadline = to_timestamp(m.deadline), first_deadline = to_timestamp(m.deadline)
    FROM unnest($2::uuid[], $3::float8[]) AS m (hold_id, deadline)
   WHERE h.event_id = $1 AND h.hold_id = m.hold_id
  RETURNING h.event_id, h.seat_ids[1] AS seat_id, h.deadline
)
UPDATE inventory.seats s SET deadline = m.deadline FROM moved m WHERE s.event_id = m.event_id AND s.seat_id = m.seat_id`;

/** What is scheduled: each hold with its deadline. */
export function* deadlinesOf({ eventId, groups }: PendingHolds): Generator<HoldDeadline[]> {
  for (const { holdIds, deadlineMs } of groups) {
    const deadline = new Date(deadlineMs);
    yield holdIds.map((holdId) => ({ eventId, holdId, deadline }));
  }
}
