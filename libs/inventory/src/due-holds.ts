import type { Database } from '@holdfast/postgres';

export interface DueHolds {
  eventId: string;
  holdIds: string[];
  /** The earliest of theirs. */
  deadline: Date;
}

/**
 * Holds that should have been released `overdueMs` ago or earlier and were not, the oldest first: the sweeper's find.
 * A hold that some verb has locked at this moment is left to it.
 */
export async function dueHolds(
  db: Database,
  { overdueMs, limit }: { overdueMs: number; limit: number },
): Promise<DueHolds[]> {
  // The clock stands in a scalar subquery: called bare in the predicate, it is volatile and the index is not used.
  const rows = await db.query<{ event_id: string; hold_id: string; deadline: Date }>(
    `SELECT h.event_id, h.hold_id, h.deadline
       FROM inventory.holds h
      WHERE h.state = 'held' AND h.deadline <= (SELECT clock_timestamp() - $1 * interval '1 millisecond')
      ORDER BY h.deadline
      LIMIT $2
        FOR UPDATE SKIP LOCKED`,
    [overdueMs, limit],
  );
  const byEvent = new Map<string, DueHolds>();
  for (const { event_id: eventId, hold_id: holdId, deadline } of rows) {
    const known = byEvent.get(eventId);
    if (known) known.holdIds.push(holdId);
    else byEvent.set(eventId, { eventId, holdIds: [holdId], deadline });
  }
  return [...byEvent.values()];
}
