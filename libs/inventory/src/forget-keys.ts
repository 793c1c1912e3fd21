import type { Database } from '@holdfast/postgres';

/**
 * Removes answers of idempotency keys that are older than anybody may still repeat. Keys of holds live as long as
 * their holds.
 *
 * @returns how many were removed; as many as `limit` means there may be more
 */
export async function forgetKeys(
  db: Database,
  { olderThanHours, limit }: { olderThanHours: number; limit: number },
): Promise<number> {
  const rows = await db.query(
    `DELETE FROM inventory.idempotency_keys k
      USING (SELECT event_id, actor_id, verb, key FROM inventory.idempotency_keys
              WHERE recorded_at < (SELECT clock_timestamp() - $1 * interval '1 hour') LIMIT $2) old
      WHERE (k.event_id, k.actor_id, k.verb, k.key) = (old.event_id, old.actor_id, old.verb, old.key)
     RETURNING k.key`,
    [olderThanHours, limit],
  );
  return rows.length;
}
