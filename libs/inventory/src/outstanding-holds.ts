import type { Database } from '@holdfast/postgres';

/** A hold that is held now, and when it runs out. */
export interface OutstandingHold {
  eventId: string;
  holdId: string;
  deadline: Date;
}

/** A page of a million is read in a thousand short statements: none of them holds a snapshot for long. */
const PAGE_HOLDS = 1_000;

/** Every hold that is held, by deadline, in pages. What restores an expiry engine that has lost its timers. */
export async function* outstandingHolds(db: Database): AsyncGenerator<OutstandingHold[]> {
  // The deadline goes back as text: a JavaScript date would lose its microseconds, and the next page repeat or skip holds.
  let after: [deadline: string, eventId: string, holdId: string] = ['-infinity', NO_ID, NO_ID];
  for (;;) {
    const rows = await db.query<Row>(pageSql, [...after, PAGE_HOLDS]);
    const last = rows.at(-1);
    if (!last) return;
    yield rows.map((row) => ({ eventId: row.event_id, holdId: row.hold_id, deadline: row.deadline }));
    after = [last.deadline_text, last.event_id, last.hold_id];
  }
}

const NO_ID = '00000000-0000-0000-0000-000000000000';

interface Row {
  [column: string]: unknown;
  event_id: string;
  hold_id: string;
  deadline: Date;
  deadline_text: string;
}

/** Along the index of what is due. $1 deadline · $2 event · $3 hold after which to go on · $4 limit */
const pageSql = `
SELECT event_id, hold_id, deadline, deadline::text AS deadline_text
  FROM inventory.holds
 WHERE state = 'held' AND (deadline, event_id, hold_id) > ($1::timestamptz, $2::uuid, $3::uuid)
 ORDER BY deadline, event_id, hold_id
 LIMIT $4
`;
