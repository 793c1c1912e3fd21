import { eventually, testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { DatabaseClock } from './database-clock';
import type { EngineParts } from './engine-parts';
import type { DueOutcome, ExpiryEngine, ExpiryEngineName, ExpiryScheduler, HoldDeadline } from './expiry-engine';
import { openEngine, openScheduler } from './open-engine';
import type { Timer } from './timer';

const EVENT_ID = newId();

/** A row that was inserted comes back: what noUncheckedIndexedAccess cannot know. */
function missing(): never {
  throw new Error('no such hold');
}

/** What carries an engine's timers in its tests. Each process that the contract plays connects on its own. */
export interface EngineRig {
  /** @returns the engine's parts but for the database's, and how the process loses its connections when it is killed */
  connect(who: string): Promise<{ parts: Omit<EngineParts, 'clock' | 'holds'>; cut: () => Promise<void> }>;
  /** Timers that the transport still holds. */
  leftBehind(): Promise<number>;
  close(): Promise<void>;
}

/** Often enough for the tests of `sweep` to be quick. */
const SWEEP_EVERY_MS = 50;

/**
 * What every engine must do, whatever carries its timers. The holds are rows of a real Postgres with just a deadline and a
 * release, so that early, late and repeated calls are judged by the database's clock as they are in the product.
 */
export function itKeepsTheExpiryContract(name: ExpiryEngineName, openRig: () => Promise<EngineRig>): void {
  /** It looks into the database and so never looks too early. */
  const neverEarly = name === 'sweep';
  let db: TestDatabase;
  let rig: EngineRig;
  let clock: DatabaseClock;
  let scheduler: ExpiryScheduler;
  const engines: ExpiryEngine[] = [];

  beforeAll(async () => {
    [db, rig] = await Promise.all([testDatabase([]), openRig()]);
    await db.database.query(
      `CREATE TABLE holds (hold_id uuid PRIMARY KEY, deadline timestamptz NOT NULL, released_at timestamptz,
                           releases integer NOT NULL DEFAULT 0, looks integer NOT NULL DEFAULT 0)`,
    );
    clock = await DatabaseClock.open(db.database);
    scheduler = await openScheduler(name, {
      ...(await rig.connect('hold-side')).parts,
      clock,
      holds: { readDue, readOutstanding },
    });
  });

  afterEach(() => Promise.all(engines.splice(0).map((engine) => engine.stop())));

  afterAll(async () => {
    await scheduler.close();
    await clock.close();
    await Promise.all([rig.close(), db.drop()]);
  });

  async function startWorker(onDue = release): Promise<{ engine: ExpiryEngine; cut: () => Promise<void> }> {
    const { parts, cut } = await rig.connect('worker');
    const sweep = { everyMs: SWEEP_EVERY_MS };
    const engine = openEngine(name, { sweep, ...parts, clock, holds: { readDue, readOutstanding } });
    engines.push(engine);
    await engine.start(onDue);
    return { engine, cut };
  }

  async function readDue(limit: number): Promise<Timer[]> {
    const rows = await db.database.query<{ hold_id: string; deadline: Date }>(
      `SELECT hold_id, deadline FROM holds
        WHERE released_at IS NULL AND deadline <= clock_timestamp() ORDER BY deadline LIMIT $1`,
      [limit],
    );
    return rows.map(({ hold_id, deadline }) => ({ eventId: EVENT_ID, holdIds: [hold_id], deadline }));
  }

  async function* readOutstanding(): AsyncIterable<HoldDeadline[]> {
    const rows = await db.database.query<{ hold_id: string; deadline: Date }>(
      'SELECT hold_id, deadline FROM holds WHERE released_at IS NULL ORDER BY deadline',
    );
    yield rows.map(({ hold_id, deadline }) => ({ eventId: EVENT_ID, holdId: hold_id, deadline }));
  }

  /** Takes holds that run out `seconds` from now by the database's clock. */
  async function take(...seconds: number[]): Promise<HoldDeadline[]> {
    const rows = await db.database.query<{ hold_id: string; deadline: Date }>(
      `INSERT INTO holds (hold_id, deadline)
       SELECT h.hold_id, t.now + h.seconds * interval '1 second'
         FROM (SELECT clock_timestamp() AS now) t, unnest($1::uuid[], $2::float8[]) AS h (hold_id, seconds)
       RETURNING hold_id, deadline`,
      [seconds.map(() => newId()), seconds],
    );
    return rows.map((row) => ({ eventId: EVENT_ID, holdId: row.hold_id, deadline: row.deadline }));
  }

  /** The check-and-release of the product, on the little table. */
  async function release(_eventId: string, holdIds: string[]): Promise<DueOutcome> {
    const rows = await db.database.query<{ hold_id: string; deadline: Date; released: boolean }>(
      `WITH t AS MATERIALIZED (SELECT clock_timestamp() AS now),
            looked AS (
              UPDATE holds h
                 SET looks = looks + 1,
                     releases = releases + (CASE WHEN h.released_at IS NULL AND h.deadline <= t.now THEN 1 ELSE 0 END),
                     released_at = coalesce(h.released_at, CASE WHEN h.deadline <= t.now THEN t.now END)
                FROM t WHERE h.hold_id = ANY ($1::uuid[])
              RETURNING h.hold_id, h.deadline, h.released_at IS NOT NULL AS released)
       SELECT * FROM looked`,
      [holdIds],
    );
    return {
      again: rows.filter((row) => !row.released).map((row) => ({ deadline: row.deadline, holdIds: [row.hold_id] })),
    };
  }

  async function rowsOf(holds: HoldDeadline[]) {
    return db.database.query<{ late_ms: number | null; releases: number; looks: number }>(
      `SELECT (extract(epoch FROM released_at - deadline) * 1000)::float8 AS late_ms, releases, looks
         FROM holds WHERE hold_id = ANY ($1::uuid[])`,
      [holds.map(({ holdId }) => holdId)],
    );
  }

  const allReleased = async (holds: HoldDeadline[]) => (await rowsOf(holds)).every((row) => row.releases > 0);

  it('releases each hold once, at its deadline and never before', async () => {
    await startWorker();
    const holds = await take(0.05, 0.4, 0.9, 0.9, 1.3, 2.1, 3);
    scheduler.schedule(holds);
    await eventually(() => allReleased(holds));
    const rows = await rowsOf(holds);
    for (const { late_ms, releases } of rows) {
      expect(late_ms).toBeGreaterThanOrEqual(0);
      expect(releases).toBe(1);
    }
    expect(rows.length).toBe(holds.length);
  });

  it('looks again at the deadline of a hold that was extended meanwhile', async () => {
    const { engine } = await startWorker();
    const [short, long] = [await take(0.3), await take(0.3)];
    scheduler.schedule([...short, ...long]);
    const extend = (holds: HoldDeadline[], by: string) =>
      db.database.query('UPDATE holds SET deadline = deadline + $2::interval WHERE hold_id = ANY ($1::uuid[])', [
        holds.map(({ holdId }) => holdId),
        by,
      ]);
    await extend(short, '200 milliseconds');
    await extend(long, '1500 milliseconds');
    await eventually(() => allReleased([...short, ...long]));
    for (const { late_ms, releases } of await rowsOf([...short, ...long])) {
      expect(late_ms).toBeGreaterThanOrEqual(0);
      expect(releases).toBe(1);
    }
    // The short one may have been looked at late, when there was nothing to look again for.
    if (!neverEarly) expect(engine.counts.lookedAgain).toBeGreaterThanOrEqual(1);
  });

  it('looks at a hold that has ended once at most, and leaves nothing of it behind', async () => {
    await startWorker();
    const [ended = missing(), held] = await take(0.2, 1.6);
    await db.database.query('UPDATE holds SET released_at = clock_timestamp() WHERE hold_id = $1', [ended.holdId]);
    scheduler.schedule([ended, held ?? missing()]);
    await eventually(() => allReleased([held ?? missing()]));
    expect(await rowsOf([ended])).toMatchObject([{ looks: neverEarly ? 0 : 1, releases: 0 }]);
    await eventually(async () => scheduler.counts.waiting === 0 && (await rig.leftBehind()) === 0);
  });

  it('does no harm when a hold is scheduled twice and when two workers listen', async () => {
    await startWorker();
    await startWorker();
    const holds = await take(0.5, 1.2);
    scheduler.schedule(holds);
    await eventually(() => scheduler.counts.waiting === 0);
    scheduler.schedule(holds);
    await eventually(async () => (await allReleased(holds)) && scheduler.counts.waiting === 0);
    await eventually(async () => (await rig.leftBehind()) === 0);
    for (const { late_ms, releases } of await rowsOf(holds)) {
      expect(late_ms).toBeGreaterThanOrEqual(0);
      expect(releases).toBe(1);
    }
  });

  it('asks again while the database does not answer', async () => {
    let refusals = 3;
    await startWorker((eventId, holdIds) =>
      refusals-- > 0 ? Promise.reject(new Error('the database is away')) : release(eventId, holdIds),
    );
    const holds = await take(0.1);
    scheduler.schedule(holds);
    await eventually(() => allReleased(holds));
    expect(refusals).toBeLessThan(0);
  });

  it('gives the timers of a worker that dies to another one', async () => {
    let asked = 0;
    const dead = await startWorker(() => {
      asked++;
      return new Promise(() => undefined);
    });
    // The dead worker's promises stay open for ever; only its connections matter to anybody.
    engines.length = 0;
    const holds = await take(0.05, 0.6);
    scheduler.schedule(holds);
    await eventually(() => asked >= 1);
    await dead.cut();
    await startWorker();
    await eventually(() => allReleased(holds));
    // Without connections this ends nothing but its loops.
    void dead.engine.stop();
    for (const { releases } of await rowsOf(holds)) expect(releases).toBe(1);
  });

  it('loses nothing when a worker stops in good order', async () => {
    const first = await startWorker();
    const holds = await take(0.1, 0.3, 0.5, 0.7, 1, 1.5);
    scheduler.schedule(holds);
    await eventually(async () => (await rowsOf(holds)).some(({ releases }) => releases > 0));
    await first.engine.stop();
    await startWorker();
    await eventually(() => allReleased(holds));
    for (const { late_ms, releases } of await rowsOf(holds)) {
      expect(late_ms).toBeGreaterThanOrEqual(0);
      expect(releases).toBe(1);
    }
  });
}
