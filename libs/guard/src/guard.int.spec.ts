import { randomUUID } from 'node:crypto';
import { Metrics } from '@holdfast/observability';
import { openRedis, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { testRedisPrefix, testServers } from '@holdfast/testing';
import { CLAIM_MS, Guard, MARK_MS } from './guard';
import { guardOwner } from './owner';

const DEADLINE_MS = 600_000;
const READY_MS = 10_000;

const ana = guardOwner('ana', 'k1');
const ben = guardOwner('ben', 'k1');

describe('guard', () => {
  let redis: RedisClient;
  let metrics: Metrics;
  let guard: Guard;
  let eventId: string;

  beforeAll(async () => {
    // Busy test machines answer late now and then; outages have a spec file of their own.
    redis = openRedis({
      url: testServers().redisUrl,
      connectionName: 'guard-spec',
      keyPrefix: testRedisPrefix(),
      commandTimeoutMs: 5_000,
    });
    await whenRedisReady(redis, READY_MS);
  });

  beforeEach(() => {
    metrics = new Metrics({ service: 'spec' });
    guard = new Guard({ redis, metrics });
    eventId = randomUUID();
  });

  afterAll(() => redis.disconnect());

  const keyOf = (seatId: string) => `holdfast:{${eventId}}:seat:${seatId}`;
  const value = (seatId: string) => redis.get(keyOf(seatId));
  const msLeft = (seatId: string) => redis.pttl(keyOf(seatId));
  /** Time moves by data: what lives is at its end. */
  const runOut = (seatId: string) => redis.pexpire(keyOf(seatId), 0);

  async function hold(owner: string, ...seatIds: string[]): Promise<string> {
    const holdId = randomUUID();
    expect(await guard.claim(eventId, owner, seatIds)).toEqual({ claimed: true });
    expect(await guard.confirm(eventId, owner, { holdId, seatIds, msLeft: DEADLINE_MS })).toBe(true);
    return holdId;
  }

  describe('claim', () => {
    it('takes a value without an end for none: it is not ours, and would refuse the seat for ever', async () => {
      await redis.set(keyOf('A1'), 'blocked');
      await redis.set(keyOf('A2'), 'rubbish');
      expect(await guard.claim(eventId, ana, ['A1', 'A2'])).toEqual({ claimed: true });
      expect(await guard.claim(eventId, ben, ['A1'])).toMatchObject({ claimed: false });
    });

    it('takes all seats or none, and says which are taken for how long', async () => {
      await hold(ana, 'A2');
      const refusal = await guard.claim(eventId, ben, ['A1', 'A2', 'A3']);
      expect(refusal).toEqual({
        claimed: false,
        taken: [{ seatId: 'A2', state: 'held', msLeft: expect.any(Number) as number, heldByYou: false, holder: ana }],
      });
      expect(refusal.claimed === false && refusal.taken[0]?.msLeft).toBeGreaterThan(DEADLINE_MS - 10_000);
      expect(await Promise.all([value('A1'), value('A3')])).toEqual([null, null]);
    });

    it('gives overlapping groups to one request each, all or nothing, when many race', async () => {
      const seats = Array.from({ length: 12 }, (_, index) => `S${index}`);
      const racers = Array.from({ length: 200 }, (_, index) => ({
        owner: guardOwner(`buyer-${index}`, 'k'),
        group: [0, 5, 7].map((step) => seats[(index + step) % seats.length] ?? ''),
      }));
      const outcomes = await Promise.all(racers.map(({ owner, group }) => guard.claim(eventId, owner, group)));

      const winners = racers.filter((_, index) => outcomes[index]?.claimed === true);
      const won = winners.flatMap(({ group }) => group);
      expect(winners.length).toBeGreaterThan(0);
      expect(new Set(won).size).toBe(won.length);
      for (const { owner, group } of winners) {
        for (const seat of group) expect(await value(seat)).toBe(`claim:${owner}`);
      }
      for (const seat of seats.filter((seat) => !won.includes(seat))) expect(await value(seat)).toBeNull();
    });

    it('never refuses the same request again, before and after its commit', async () => {
      expect(await guard.claim(eventId, ana, ['A1', 'A2'])).toEqual({ claimed: true });
      expect(await guard.claim(eventId, ana, ['A1', 'A2'])).toEqual({ claimed: true });
      await guard.confirm(eventId, ana, { holdId: 'h1', seatIds: ['A1', 'A2'], msLeft: DEADLINE_MS });
      expect(await guard.claim(eventId, ana, ['A1', 'A2'])).toEqual({ claimed: true });
      expect(await msLeft('A1')).toBeGreaterThan(CLAIM_MS);
    });

    it('tells buyers which seats they hold themselves under another key', async () => {
      await hold(ana, 'A1');
      await hold(ben, 'A2');
      expect(await guard.claim(eventId, guardOwner('ana', 'k2'), ['A1', 'A2'])).toMatchObject({
        taken: [
          { seatId: 'A1', heldByYou: true },
          { seatId: 'A2', heldByYou: false },
        ],
      });
    });

    it('runs out by itself when nobody confirms it', async () => {
      await guard.claim(eventId, ana, ['A1']);
      expect(await msLeft('A1')).toBeGreaterThan(CLAIM_MS - 3_000);
      expect(await msLeft('A1')).toBeLessThanOrEqual(CLAIM_MS);
      await runOut('A1');
      expect(await guard.claim(eventId, ben, ['A1'])).toEqual({ claimed: true });
    });
  });

  describe('confirm and extend', () => {
    it('keeps the seats until the deadline', async () => {
      const holdId = await hold(ana, 'A1', 'A2');
      expect(await value('A2')).toBe(`hold:${ana}:${holdId}`);
      expect(await msLeft('A2')).toBeGreaterThan(DEADLINE_MS - 10_000);
    });

    it('can shorten the claim: a hold of one second is not kept for six', async () => {
      await guard.claim(eventId, ana, ['A1']);
      await guard.confirm(eventId, ana, { holdId: 'h1', seatIds: ['A1'], msLeft: 1_000 });
      expect(await msLeft('A1')).toBeLessThanOrEqual(1_000);
    });

    it('sets what Redis lost in between, and leaves what another has claimed since', async () => {
      await guard.claim(eventId, ana, ['A1', 'A2']);
      await Promise.all([runOut('A1'), runOut('A2')]);
      await guard.claim(eventId, ben, ['A2']);
      await guard.confirm(eventId, ana, { holdId: 'h1', seatIds: ['A1', 'A2'], msLeft: DEADLINE_MS });
      expect(await value('A1')).toBe(`hold:${ana}:h1`);
      expect(await value('A2')).toBe(`claim:${ben}`);
    });

    it('moves the deadline later only, whichever arrives first, and never that of another hold', async () => {
      const holdId = await hold(ana, 'A1');
      await guard.extend(eventId, { holdId, seatIds: ['A1'], msLeft: 2 * DEADLINE_MS });
      await guard.confirm(eventId, ana, { holdId, seatIds: ['A1'], msLeft: DEADLINE_MS });
      await guard.extend(eventId, { holdId, seatIds: ['A1'], msLeft: 1_000 });
      await guard.extend(eventId, { holdId: randomUUID(), seatIds: ['A1'], msLeft: 9 * DEADLINE_MS });
      const left = await msLeft('A1');
      expect(left).toBeGreaterThan(2 * DEADLINE_MS - 10_000);
      expect(left).toBeLessThanOrEqual(2 * DEADLINE_MS);
    });

    it('does not bring back a hold that ended before its confirmation arrived', async () => {
      await guard.claim(eventId, ana, ['A1', 'A2']);
      await runOut('A2');
      await guard.release(eventId, 'h1', ['A1', 'A2']);
      await guard.confirm(eventId, ana, { holdId: 'h1', seatIds: ['A1', 'A2'], msLeft: DEADLINE_MS });
      expect(await Promise.all([value('A1'), value('A2')])).toEqual([null, null]);
    });

    it('gives the claim up when the deadline has passed', async () => {
      await guard.claim(eventId, ana, ['A1']);
      await guard.confirm(eventId, ana, { holdId: 'h1', seatIds: ['A1'], msLeft: -5 });
      expect(await value('A1')).toBeNull();
    });
  });

  it('frees the seats of many holds of one message, and leaves those of others', async () => {
    const holds = await Promise.all(
      Array.from({ length: 300 }, async (_, n) => ({
        holdId: await hold(ana, `L${n}`, `R${n}`),
        seats: [`L${n}`, `R${n}`],
      })),
    );
    const [kept, ...ended] = holds;
    const entries = ended.flatMap(({ holdId, seats }) =>
      seats.map((seatId) => ({ kind: 'expired', holdId, seatId }) as const),
    );
    // A late entry about a seat that another hold has by now.
    entries.push({ kind: 'expired', holdId: randomUUID(), seatId: 'L0' });
    expect(await guard.applyLedger(eventId, entries)).toBe(true);
    expect(await Promise.all(ended.flatMap(({ seats }) => seats.map(value)))).toEqual(Array(598).fill(null));
    expect(await value('L0')).toBe(`hold:${ana}:${kept?.holdId}`);
  });

  describe('give up', () => {
    it('frees own claims only', async () => {
      await guard.claim(eventId, ana, ['A1', 'A2']);
      await guard.giveUp(eventId, ben, ['A1', 'A2']);
      expect(await value('A1')).toBe(`claim:${ana}`);
      await guard.giveUp(eventId, ana, ['A1', 'A2']);
      expect(await Promise.all([value('A1'), value('A2')])).toEqual([null, null]);
    });

    it('never frees a hold: a replay that is refused keeps it', async () => {
      const holdId = await hold(ana, 'A1');
      await guard.giveUp(eventId, ana, ['A1']);
      expect(await value('A1')).toBe(`hold:${ana}:${holdId}`);
    });

    it('remembers what Postgres said: the true owner with the time left, booked, blocked', async () => {
      const seatIds = ['A1', 'A2', 'A3', 'A4'];
      await guard.claim(eventId, ana, seatIds);
      await guard.giveUp(eventId, ana, seatIds, [
        { seatId: 'A1', state: 'held', owner: ben, holdId: 'h-ben', msLeft: 90_000 },
        { seatId: 'A2', state: 'booked', holdId: 'h-old' },
        { seatId: 'A3', state: 'blocked' },
      ]);
      expect(await Promise.all(seatIds.map(value))).toEqual([`hold:${ben}:h-ben`, 'booked:h-old', 'blocked', null]);
      expect(await msLeft('A1')).toBeLessThanOrEqual(90_000);
      expect(await guard.claim(eventId, ben, ['A1'])).toEqual({ claimed: true });
      expect(await metrics.text()).toContain('holdfast_guard_repaired_seats_total{service="spec"} 3');
    });

    it('does not overwrite what may be newer than the refusal', async () => {
      const holdId = await hold(ben, 'A1');
      await guard.claim(eventId, ben, ['A2']);
      const cyd = { owner: guardOwner('cyd', 'k'), holdId: 'h-cyd', msLeft: DEADLINE_MS };
      await guard.giveUp(
        eventId,
        ana,
        ['A1', 'A2'],
        [
          { seatId: 'A1', state: 'held', ...cyd },
          { seatId: 'A2', state: 'held', ...cyd },
        ],
      );
      expect(await value('A1')).toBe(`hold:${ben}:${holdId}`);
      expect(await value('A2')).toBe(`claim:${ben}`);
    });

    it('does not bring back a hold that ended after Postgres refused', async () => {
      await guard.claim(eventId, ana, ['A1']);
      await guard.release(eventId, 'h-ben', ['A1']);
      await guard.giveUp(
        eventId,
        ana,
        ['A1'],
        [{ seatId: 'A1', state: 'held', owner: ben, holdId: 'h-ben', msLeft: DEADLINE_MS }],
      );
      expect(await value('A1')).toBeNull();
    });
  });

  describe('release, book, block', () => {
    it('frees the seats of this hold and no others', async () => {
      const holdId = await hold(ana, 'A1', 'A2');
      await guard.release(eventId, randomUUID(), ['A1', 'A2']);
      expect(await value('A1')).toBe(`hold:${ana}:${holdId}`);
      await guard.release(eventId, holdId, ['A1', 'A2']);
      expect(await Promise.all([value('A1'), value('A2')])).toEqual([null, null]);
    });

    it('leaves a mark where booked, until it is unbooked by the same hold', async () => {
      const holdId = await hold(ana, 'A1');
      await guard.book(eventId, holdId, ['A1']);
      expect(await msLeft('A1')).toBeGreaterThan(MARK_MS - 10_000);
      expect(await guard.claim(eventId, ben, ['A1'])).toMatchObject({ taken: [{ state: 'booked', heldByYou: false }] });
      await guard.unbook(eventId, randomUUID(), ['A1']);
      expect(await value('A1')).toBe(`booked:${holdId}`);
      await guard.unbook(eventId, holdId, ['A1']);
      await guard.book(eventId, holdId, ['A1']);
      expect(await guard.claim(eventId, ben, ['A1'])).toEqual({ claimed: true });
    });

    it('does not book over the claim of another', async () => {
      await guard.claim(eventId, ben, ['A1']);
      await guard.book(eventId, randomUUID(), ['A1']);
      expect(await value('A1')).toBe(`claim:${ben}`);
    });

    it('blocks free seats, many at once, and unblocks only what is blocked', async () => {
      const row = Array.from({ length: 1_200 }, (_, index) => `R${index}`);
      const holdId = await hold(ana, 'R7');
      await guard.block(eventId, row);
      expect(await value('R7')).toBe(`hold:${ana}:${holdId}`);
      expect(await guard.claim(eventId, ben, ['R1199'])).toMatchObject({ taken: [{ state: 'blocked' }] });
      await guard.unblock(eventId, row);
      expect(await value('R7')).toBe(`hold:${ana}:${holdId}`);
      expect(await guard.claim(eventId, ben, ['R1199'])).toEqual({ claimed: true });
    });
  });

  describe('ledger', () => {
    it('frees what a lost update left behind, and nothing of a newer hold', async () => {
      const old = await hold(ana, 'A1', 'A2');
      await Promise.all([runOut('A2')]);
      const newer = await hold(ben, 'A2');
      const applied = await guard.applyLedger(eventId, [
        { kind: 'expired', seatId: 'A1', holdId: old },
        { kind: 'expired', seatId: 'A2', holdId: old },
      ]);
      expect(applied).toBe(true);
      expect(await Promise.all([value('A1'), value('A2')])).toEqual([null, `hold:${ben}:${newer}`]);
    });

    it('frees unbooked and unblocked seats', async () => {
      const holdId = await hold(ana, 'A1');
      await guard.book(eventId, holdId, ['A1']);
      await guard.block(eventId, ['A2']);
      await guard.applyLedger(eventId, [
        { kind: 'unbooked', seatId: 'A1', holdId },
        { kind: 'unblocked', seatId: 'A2', holdId: null },
      ]);
      expect(await Promise.all([value('A1'), value('A2')])).toEqual([null, null]);
    });

    it('frees no seat by entries that keep or take one', async () => {
      const holdId = await hold(ana, 'A1');
      await guard.block(eventId, ['A2']);
      await guard.applyLedger(eventId, [
        { kind: 'held', seatId: 'A1', holdId },
        { kind: 'extended', seatId: 'A1', holdId },
        { kind: 'blocked', seatId: 'A2', holdId: null },
      ]);
      expect(await Promise.all([value('A1'), value('A2')])).toEqual([`hold:${ana}:${holdId}`, 'blocked']);
    });

    it('takes no seat, however late an entry comes', async () => {
      await guard.applyLedger(eventId, [
        { kind: 'held', seatId: 'A1', holdId: 'h1' },
        { kind: 'booked', seatId: 'A1', holdId: 'h1' },
        { kind: 'blocked', seatId: 'A1', holdId: null },
      ]);
      expect(await value('A1')).toBeNull();
    });
  });
});
