import type { LedgerKind } from '@holdfast/inventory';
import type { Database, Transaction } from '@holdfast/postgres';

export const ENDPOINTS_PER_EVENT_MAX = 10;

export type EndpointState = 'active' | 'paused' | 'disabled';

/** An endpoint as its organiser may see it. */
export interface Endpoint {
  eventId: string;
  endpointId: string;
  url: string;
  kinds: LedgerKind[] | null;
  createdAt: Date;
  state: EndpointState;
  disabledReason: 'gone' | 'failing' | null;
  deliveredSeq: number;
  /** Of the event's ledger. */
  lastSeq: number;
  lastDeliveredAt: Date | null;
  failures: number;
  lastFailure: string | null;
  lastFailureAt: Date | null;
  nextAt: Date;
  /** The time of the answer that read it, by the database's clock. */
  serverTime: Date;
}

/** An organiser's request with its Idempotency-Key, scoped to the event and the verb. */
export interface KeyedRequest {
  eventId: string;
  endpointId: string;
  key: string;
  bodyHash: Buffer;
}

export interface NewEndpoint extends KeyedRequest {
  url: string;
  kinds: LedgerKind[] | null;
}

type KeyReused = { outcome: 'key-reused' };
type UnknownEndpoint = { outcome: 'unknown-endpoint' };

/** `unknown-endpoint`: the request is a repeat, and the endpoint it made is deleted. */
export type CreateOutcome =
  | { outcome: 'created'; replayed: boolean; endpoint: Endpoint }
  | { outcome: 'endpoint-limit' }
  | KeyReused
  | UnknownEndpoint;

export type RotateOutcome =
  | { outcome: 'rotated'; replayed: boolean; secretGeneration: number; previousSignsUntil: Date; serverTime: Date }
  | KeyReused
  | UnknownEndpoint;

/** `unknown-seq`: the ledger has not come as far. */
export type ReplayOutcome =
  | { outcome: 'moved'; replayed: boolean; endpoint: Endpoint }
  | { outcome: 'unknown-seq'; lastSeq: number }
  | KeyReused
  | UnknownEndpoint;

/** Adds an endpoint that hears of whatever is numbered from now on. The same key and body gets the first one again. */
export async function createEndpoint(db: Database, request: NewEndpoint): Promise<CreateOutcome> {
  const { eventId, url, kinds } = request;
  const known = await db.transaction(async (tx): Promise<KeyRow | 'endpoint-limit'> => {
    await tx.query(lockEventSql, [eventId]);
    const used = await findKey(tx, 'create', request);
    if (used) return used;
    const there = await tx.query('SELECT FROM webhooks.endpoints WHERE event_id = $1', [eventId]);
    if (there.length >= ENDPOINTS_PER_EVENT_MAX) return 'endpoint-limit';
    await tx.query(insertEndpointSql, [eventId, request.endpointId, url, kinds]);
    return recordKey(tx, 'create', request);
  });
  if (known === 'endpoint-limit') return { outcome: 'endpoint-limit' };
  if (!known.bodyHash.equals(request.bodyHash)) return { outcome: 'key-reused' };
  const endpoint = await readEndpoint(db, eventId, known.endpointId);
  if (!endpoint) return { outcome: 'unknown-endpoint' };
  return { outcome: 'created', replayed: known.endpointId !== request.endpointId, endpoint };
}

/** Whether a request to create with this key has had its effect before: then nothing of it is checked again. */
export async function wasCreated(
  db: Database,
  { eventId, key }: Pick<NewEndpoint, 'eventId' | 'key'>,
): Promise<boolean> {
  return (await db.query(findKeySql, [eventId, 'create', key])).length > 0;
}

/** One endpoint; undefined when the event has none of this id. */
export async function readEndpoint(db: Database, eventId: string, endpointId: string): Promise<Endpoint | undefined> {
  const rows = await db.query<Endpoint>(`${selectEndpoint} WHERE e.event_id = $1 AND e.endpoint_id = $2`, [
    eventId,
    endpointId,
  ]);
  return rows[0];
}

/** The endpoints of an event, oldest first. */
export async function listEndpoints(db: Database, eventId: string): Promise<Endpoint[]> {
  return db.query<Endpoint>(`${selectEndpoint} WHERE e.event_id = $1 ORDER BY e.endpoint_id`, [eventId]);
}

/** @returns false when there was none */
export async function deleteEndpoint(db: Database, eventId: string, endpointId: string): Promise<boolean> {
  const rows = await db.query(
    'DELETE FROM webhooks.endpoints WHERE event_id = $1 AND endpoint_id = $2 RETURNING endpoint_id',
    [eventId, endpointId],
  );
  return rows.length > 0;
}

/** Delivers nothing more, from the next delivery on, until it is enabled. */
export async function pauseEndpoint(db: Database, eventId: string, endpointId: string): Promise<Endpoint | undefined> {
  await db.query(
    `UPDATE webhooks.endpoints SET state = 'paused', disabled_reason = NULL
      WHERE event_id = $1 AND endpoint_id = $2`,
    [eventId, endpointId],
  );
  return readEndpoint(db, eventId, endpointId);
}

/** Delivers again from where it stopped, at once: also ends the wait after a failure. */
export async function enableEndpoint(db: Database, eventId: string, endpointId: string): Promise<Endpoint | undefined> {
  await db.query(
    `UPDATE webhooks.endpoints
        SET state = 'active', disabled_reason = NULL, failures = 0, failing_since = NULL, next_at = clock_timestamp()
      WHERE event_id = $1 AND endpoint_id = $2`,
    [eventId, endpointId],
  );
  return readEndpoint(db, eventId, endpointId);
}

/** A new secret signs from now on; the one before signs as well for `overlapHours`, and the one before that no more. */
export async function rotateSecret(db: Database, request: KeyedRequest, overlapHours: number): Promise<RotateOutcome> {
  const { eventId, endpointId } = request;
  const done = await db.transaction(async (tx) => {
    await tx.query(lockEventSql, [eventId]);
    if ((await tx.query(lockEndpointSql, [eventId, endpointId])).length === 0) return undefined;
    const used = await findKey(tx, 'rotate', request);
    if (used) return { ...used, replayed: true };
    const [rotated] = await tx.query<{ generation: number; until: Date }>(rotateSql, [
      eventId,
      endpointId,
      overlapHours,
    ]);
    return { ...(await recordKey(tx, 'rotate', request, rotated)), replayed: false };
  });
  if (!done) return { outcome: 'unknown-endpoint' };
  if (!done.bodyHash.equals(request.bodyHash)) return { outcome: 'key-reused' };
  const { replayed, secretGeneration, signsUntil, serverTime } = done;
  if (secretGeneration === null || signsUntil === null) throw new Error('a rotation is recorded with its secret');
  return { outcome: 'rotated', replayed, secretGeneration, previousSignsUntil: signsUntil, serverTime };
}

/**
 * Moves the cursor, so that the next delivery begins with `fromSeq`. A delivery under way ends as it would have, without
 * moving it again. The same key again changes nothing.
 */
export async function replayFrom(db: Database, request: KeyedRequest, fromSeq: number): Promise<ReplayOutcome> {
  const { eventId, endpointId } = request;
  const done = await db.transaction(async (tx) => {
    await tx.query(lockEventSql, [eventId]);
    const [locked] = await tx.query<{ lastSeq: number }>(lockEndpointSql, [eventId, endpointId]);
    if (!locked) return { outcome: 'unknown-endpoint' } as const;
    const used = await findKey(tx, 'replay', request);
    if (used) return { outcome: 'known', replayed: true, bodyHash: used.bodyHash } as const;
    if (fromSeq > locked.lastSeq + 1) return { outcome: 'unknown-seq', lastSeq: locked.lastSeq } as const;
    await tx.query(replaySql, [eventId, endpointId, fromSeq]);
    const { bodyHash } = await recordKey(tx, 'replay', request);
    return { outcome: 'known', replayed: false, bodyHash } as const;
  });
  if (done.outcome !== 'known') return done;
  if (!done.bodyHash.equals(request.bodyHash)) return { outcome: 'key-reused' };
  const endpoint = await readEndpoint(db, eventId, endpointId);
  return endpoint ? { outcome: 'moved', replayed: done.replayed, endpoint } : { outcome: 'unknown-endpoint' };
}

/** Removes keys that are older than anybody may still repeat. */
export async function forgetEndpointKeys(db: Database, olderThanHours: number): Promise<void> {
  await db.query(
    `DELETE FROM webhooks.idempotency_keys WHERE recorded_at < (SELECT clock_timestamp() - $1 * interval '1 hour')`,
    [olderThanHours],
  );
}

interface KeyRow {
  bodyHash: Buffer;
  endpointId: string;
  secretGeneration: number | null;
  signsUntil: Date | null;
  serverTime: Date;
}

type Verb = 'create' | 'rotate' | 'replay';

async function findKey(tx: Transaction, verb: Verb, { eventId, key }: KeyedRequest): Promise<KeyRow | undefined> {
  return (await tx.query<KeyRow & Record<string, unknown>>(findKeySql, [eventId, verb, key]))[0];
}

async function recordKey(
  tx: Transaction,
  verb: Verb,
  { eventId, endpointId, key, bodyHash }: KeyedRequest,
  secret?: { generation: number; until: Date },
): Promise<KeyRow> {
  const values = [eventId, verb, key, bodyHash, endpointId, secret?.generation ?? null, secret?.until ?? null];
  const [row] = await tx.query<KeyRow & Record<string, unknown>>(recordKeySql, values);
  if (!row) throw new Error('a key recorded is there');
  return row;
}

const KEY_COLUMNS = `body_hash AS "bodyHash", endpoint_id AS "endpointId", secret_generation AS "secretGeneration",
  signs_until AS "signsUntil", clock_timestamp() AS "serverTime"`;

/** $1 event · $2 verb · $3 key */
const findKeySql = `
SELECT ${KEY_COLUMNS} FROM webhooks.idempotency_keys WHERE event_id = $1 AND verb = $2 AND key = $3`;

/** $1 event · $2 verb · $3 key · $4 body hash · $5 endpoint · $6 secret generation or null · $7 signs until or null */
const recordKeySql = `
INSERT INTO webhooks.idempotency_keys
       (event_id, verb, key, body_hash, endpoint_id, secret_generation, signs_until, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())
RETURNING ${KEY_COLUMNS}`;

/**
 * An update that changes nothing: it locks the row, new or not, until the transaction ends. Whoever uses a key waits here:
 * its scope is the event, and one raced for two endpoints was recorded twice, a fault. $1 event
 */
const lockEventSql = `
INSERT INTO webhooks.events AS e (event_id) VALUES ($1) ON CONFLICT (event_id) DO UPDATE SET event_id = e.event_id`;

/** $1 event · $2 endpoint */
const lockEndpointSql = `
SELECT c.last_seq::float8 AS "lastSeq"
  FROM webhooks.endpoints e
  JOIN inventory.ledger_counters c ON c.event_id = e.event_id
 WHERE e.event_id = $1 AND e.endpoint_id = $2
   FOR UPDATE OF e`;

/** $1 event · $2 endpoint · $3 url · $4 kinds or null */
const insertEndpointSql = `
INSERT INTO webhooks.endpoints (event_id, endpoint_id, organiser_id, url, kinds, delivered_seq, next_at, created_at)
SELECT $1, $2, v.organiser_id, $3, $4, c.last_seq, t.now, t.now
  FROM inventory.events v
  JOIN inventory.ledger_counters c USING (event_id), (SELECT clock_timestamp() AS now) t
 WHERE v.event_id = $1`;

/** $1 event · $2 endpoint · $3 overlap hours */
const rotateSql = `
UPDATE webhooks.endpoints
   SET secret_generation = secret_generation + 1,
       previous_signs_until = clock_timestamp() + $3 * interval '1 hour'
 WHERE event_id = $1 AND endpoint_id = $2
RETURNING secret_generation AS generation, previous_signs_until AS until`;

/** $1 event · $2 endpoint · $3 the entry to begin with */
const replaySql = `
UPDATE webhooks.endpoints SET delivered_seq = $3::bigint - 1, sending_seq = NULL, next_at = clock_timestamp()
 WHERE event_id = $1 AND endpoint_id = $2`;

const selectEndpoint = `
SELECT e.event_id AS "eventId", e.endpoint_id AS "endpointId", e.url, e.kinds, e.created_at AS "createdAt", e.state,
       e.disabled_reason AS "disabledReason", e.delivered_seq::float8 AS "deliveredSeq",
       c.last_seq::float8 AS "lastSeq", e.last_delivered_at AS "lastDeliveredAt", e.failures,
       e.last_failure AS "lastFailure", e.last_failure_at AS "lastFailureAt", e.next_at AS "nextAt",
       clock_timestamp() AS "serverTime"
  FROM webhooks.endpoints e
  JOIN inventory.ledger_counters c ON c.event_id = e.event_id`;
