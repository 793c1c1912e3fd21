import type { Database } from '@holdfast/postgres';
import { percentile } from '../percentile';
import { hundredths } from '../settings';
import type { ExpiryRow, Lateness, Percentiles } from './expiry-row';
import type { OutsideClock } from './outside-clock';

/** One hold after the run. Times are the database's, in milliseconds since the epoch. */
export interface Release {
  seatId: string;
  deadlineMs: number;
  /** When its release was committed; null while it is held. */
  committedMs: number | null;
  swept: boolean;
}

/**
 * How every hold of an event ended, those that ran out in a span of time. The ledger's own time is taken before the commit;
 * Postgres keeps the commit's (`track_commit_timestamp`), for ours and for peers alike.
 */
export async function readReleases(
  db: Database,
  eventId: string,
  { fromMs = 0, untilMs = 1e15 }: { fromMs?: number; untilMs?: number } = {},
): Promise<Release[]> {
  const rows = await db.query<{ seat_id: string; deadline_ms: number; committed_ms: number | null; swept: boolean }>(
    `SELECT h.seat_ids[1] AS seat_id, (extract(epoch FROM h.deadline) * 1000)::float8 AS deadline_ms,
            (extract(epoch FROM pg_xact_commit_timestamp(l.xmin)) * 1000)::float8 AS committed_ms,
            coalesce(l.reason = 'swept', false) AS swept
       FROM inventory.holds h
       LEFT JOIN inventory.ledger l
         ON l.event_id = h.event_id AND l.seat_id = h.seat_ids[1] AND l.hold_id = h.hold_id AND l.kind = 'expired'
      WHERE h.event_id = $1 AND h.deadline BETWEEN to_timestamp($2::float8) AND to_timestamp($3::float8)`,
    [eventId, fromMs / 1_000, untilMs / 1_000],
  );
  return rows.map((row) => ({
    seatId: row.seat_id,
    deadlineMs: row.deadline_ms,
    committedMs: row.committed_ms,
    swept: row.swept,
  }));
}

export type Judged = Pick<ExpiryRow, 'latenessMs' | 'early' | 'neverReleased' | 'swept'>;

/**
 * The figures of a run.
 *
 * @param gaveUpMs when the bench stopped waiting: what is still held then counts as at least that late, so that what was
 *   never done makes no percentile look better
 */
export function judge(
  releases: Release[],
  { clock, gaveUpMs }: { clock: Pick<OutsideClock, 'isEarly'>; gaveUpMs: number },
): Judged {
  const late = ({ committedMs, deadlineMs }: Release) => (committedMs ?? gaveUpMs) - deadlineMs;
  const all = releases.map(late);
  const prompt = releases.filter(({ swept }) => !swept).map(late);
  const isEarly = ({ deadlineMs, committedMs }: Release) =>
    committedMs !== null && (committedMs < deadlineMs || clock.isEarly(deadlineMs, committedMs));
  return {
    latenessMs: latenessOf(prompt, all),
    early: releases.filter(isEarly).length,
    neverReleased: releases.filter(({ committedMs }) => committedMs === null).length,
    swept: releases.filter(({ swept }) => swept).length,
  };
}

function latenessOf(prompt: number[], all: number[]): Lateness | null {
  if (all.length === 0) return null;
  const p999 = hundredths(percentile(prompt, 99.9));
  const max = hundredths(all.reduce((most, ms) => Math.max(most, ms), -Infinity));
  return { ...percentilesOf(prompt), p999, max };
}

export function percentilesOf(values: number[]): Percentiles {
  return { p50: hundredths(percentile(values, 50)), p99: hundredths(percentile(values, 99)) };
}

/** From `restartMs` until all that ran out before it was released; null where some never was. */
export function recoveryMs(releases: Release[], restartMs: number): number | null {
  const dueBefore = releases.filter(({ deadlineMs }) => deadlineMs <= restartMs);
  if (dueBefore.some(({ committedMs }) => committedMs === null)) return null;
  const last = dueBefore.reduce((latest, { committedMs }) => Math.max(latest, committedMs ?? 0), restartMs);
  return hundredths(last - restartMs);
}

/** From the restart of a worker until it was ready and a timer, not the sweeper, had released a hold; null if none did. */
export function restoredMs(releases: Release[], { restart, ready }: { restart: number; ready: number }): number | null {
  const prompt = releases.flatMap(({ committedMs, swept }) =>
    committedMs !== null && committedMs > restart && !swept ? [committedMs] : [],
  );
  if (prompt.length === 0) return null;
  const first = prompt.reduce((earliest, ms) => Math.min(earliest, ms), Infinity);
  return hundredths(Math.max(ready, first) - restart);
}
