import { join } from 'node:path';
import { loadScript, runScript, whenRedisReady, type RedisClient } from '@holdfast/redis';
import { DueTimers } from '../due-timers';
import { required, type EngineParts, type RedisParts } from '../engine-parts';
import { EngineUnavailable } from '../engine-unavailable';
import { noCounts, type EngineCounts, type ExpiryEngine, type OnDue } from '../expiry-engine';
import { pause } from '../pause';
import type { Timer } from '../timer';
import { ensureExpiredEvents, expiredChannel } from './expired-events';
import { KeyspaceTimers } from './keyspace-timers';
import { PENDING_INDEX, readTimerKey } from './timer-key';

/** The fallback looks this often, at timers whose event has not come this long after their deadline. */
const FALLBACK_EVERY_MS = 250;
const FALLBACK_OVERDUE_MS = 250;
const TIMERS_PER_LOOK_MAX = 500;

/** A timer taken by a worker comes up again after this time, should the worker die with it. */
const CLAIM_MS = 2_000;
/** The event may come a little before the deadline by our clock, which follows the database's. */
const EARLY_MAX_MS = 250;

const READY_WITHIN_MS = 2_000;

/** Timers in memory at once; an event beyond it is left to the fallback, which takes up no more than fit either. */
const TIMERS_IN_MEMORY_MAX = 4_000;

const claim = loadScript(join(__dirname, '..', '..', 'scripts', 'claim.lua'));

/**
 * The worker's end of `keyspace`: listens for keys that run out, and looks through the index of pending timers for what it
 * was not told. Every worker hears every event; the one that claims it first does the work.
 */
export class KeyspaceEngine implements ExpiryEngine {
  private readonly redis: RedisParts;
  private readonly commands: RedisClient;
  private readonly transport: KeyspaceTimers;
  private readonly now: () => number;
  private readonly own = { recovered: 0, missed: 0 };
  private readonly inHand = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private timers: DueTimers | undefined;
  private subscriber: RedisClient | undefined;
  private listening = false;
  private fallback: Promise<void> | undefined;

  constructor(private readonly parts: EngineParts) {
    this.redis = required(parts, 'redis');
    this.commands = this.redis.commands;
    this.transport = new KeyspaceTimers(this.commands);
    this.now = () => parts.clock.now();
  }

  get counts(): Readonly<EngineCounts> {
    return { ...noCounts(), ...this.timers?.counts, ...this.own };
  }

  async start(onDue: OnDue): Promise<void> {
    if (this.commands.isCluster) {
      throw new EngineUnavailable(
        'The nodes of a Redis Cluster tell of their own expired keys only, so the engine keyspace needs a single Redis. ' +
          'Choose another HOLDFAST_EXPIRY_ENGINE; parking needs no Redis.',
      );
    }
    this.timers = new DueTimers(this.transport, onDue, this.now);
    const subscriber = (this.subscriber = this.redis.openSubscriber());
    subscriber.on('message', (_channel, key: string) => this.heard(key));
    try {
      await Promise.all([this.commands, subscriber].map((client) => whenRedisReady(client, READY_WITHIN_MS)));
      await this.listen(subscriber);
    } catch (error) {
      // A Redis that is away is listened to once it is there; until then the sweeper does the work.
      if (error instanceof EngineUnavailable) throw error;
      this.warn(error);
    }
    subscriber.on('ready', () => (this.listening = false));
    this.fallback = this.runFallback(subscriber);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.subscriber?.disconnect();
    this.timers?.stop();
    await Promise.all([this.fallback, ...this.inHand.values()]);
  }

  /** After every connect: Redis may have been restarted with other settings, and told things while nobody listened. */
  private async listen(subscriber: RedisClient): Promise<void> {
    await subscriber.subscribe(expiredChannel(subscriber));
    await ensureExpiredEvents(this.commands, subscriber);
    this.listening = true;
    const missedBefore = this.own.missed;
    await this.recover(0, 'missed');
    const missed = this.own.missed - missedBefore;
    if (missed > 0) this.parts.log?.info({ missed }, 'keyspace: found holds that ran out while nobody listened');
  }

  private heard(key: string): void {
    const { keyPrefix } = this.redis;
    if (!key.startsWith(keyPrefix) || this.inHand.size >= TIMERS_IN_MEMORY_MAX) return;
    const name = key.slice(keyPrefix.length);
    const timer = readTimerKey(name);
    if (timer) void this.take(name, timer);
  }

  private async runFallback(subscriber: RedisClient): Promise<void> {
    let failing = false;
    while (!this.stopping.signal.aborted) {
      try {
        const deaf = this.listening ? undefined : await this.listen(subscriber).catch((error: unknown) => error);
        await this.recover(FALLBACK_OVERDUE_MS, 'recovered');
        if (deaf) throw deaf as Error;
        failing = false;
      } catch (error) {
        if (!failing) this.warn(error);
        failing = true;
      }
      await pause(FALLBACK_EVERY_MS, this.stopping.signal);
    }
  }

  /** Takes the timers that are overdue and that no event has brought, and counts their holds. */
  private async recover(overdueMs: number, count: keyof typeof this.own): Promise<void> {
    const before = this.now() - overdueMs;
    for (let found = TIMERS_PER_LOOK_MAX; found >= TIMERS_PER_LOOK_MAX && !this.stopping.signal.aborted;) {
      const room = Math.min(TIMERS_PER_LOOK_MAX, TIMERS_IN_MEMORY_MAX - this.inHand.size);
      if (room <= 0) return;
      const keys = await this.commands.zrangebyscore(PENDING_INDEX, '-inf', before, 'LIMIT', 0, room);
      const taken = await Promise.all(keys.map((key) => this.takeOverdue(key, count)));
      // What another worker is finishing at this moment is no reason to look again at once.
      found = taken.filter(Boolean).length;
    }
  }

  /** Answers whether this worker has it now. */
  private async takeOverdue(key: string, count: keyof typeof this.own): Promise<boolean> {
    const timer = readTimerKey(key);
    if (!timer || this.inHand.has(key) || !(await this.claim(key))) return false;
    this.own[count] += timer.holdIds.length;
    void this.keep(key, this.finish(key, timer));
    return true;
  }

  private async take(key: string, timer: Timer): Promise<void> {
    if (this.inHand.has(key)) return;
    await this.keep(
      key,
      this.claim(key).then((claimed) => (claimed ? this.finish(key, timer) : undefined)),
    );
  }

  private async keep(key: string, work: Promise<void>): Promise<void> {
    // When Redis goes away in between, the index still has the timer, and the fallback comes back to it.
    const kept = work.catch(() => undefined).finally(() => this.inHand.delete(key));
    this.inHand.set(key, kept);
    await kept;
  }

  private async claim(key: string): Promise<boolean> {
    const now = this.now();
    const answer = await runScript(this.commands, claim, [PENDING_INDEX], [key, now + EARLY_MAX_MS, now + CLAIM_MS]);
    return answer === 1;
  }

  private async finish(key: string, timer: Timer): Promise<void> {
    const finished = await this.timers?.finish(timer);
    if (finished) await this.commands.zrem(PENDING_INDEX, key);
    // Given back at once, instead of when the claim runs out.
    else await this.commands.zadd(PENDING_INDEX, 'XX', timer.deadline.getTime(), key);
  }

  private warn(error: unknown): void {
    this.parts.log?.warn({}, `keyspace: ${error instanceof Error ? error.message : String(error)}`);
  }
}
