import { BackgroundLoop } from '@holdfast/background';
import { readLedger, type LedgerEntry } from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import type { LoggerService } from '@nestjs/common';
import {
  beginSending,
  endTurn,
  recordDelivered,
  recordFailed,
  skipTo,
  takeTurns,
  type Attempt,
  type Taken,
  type Turn,
} from './deliveries';
import type { Destinations } from './destination';
import { cutBatch, writeMessage, type WebhookMessage } from './message';
import { post } from './post';
import { retryAfterMs, retryWaitMs } from './retry-schedule';
import { signedHeaders, signingSecrets, type MasterKeys } from './signing';

/** Entries looked at in one turn: of those that an endpoint does not want, many are passed over at once. */
const ENTRIES_PER_TURN_MAX = 500;
/** On top of the time a receiver has: reading before, writing after. Who takes longer has died. */
const LEASE_MARGIN_MS = 30_000;
/** While more is due than may be under way: how often a place that came free is given away by a look at everybody. */
const CROWDED_POLL_MS = 50;
const HEADERS = { 'content-type': 'application/json', 'user-agent': 'Holdfast-Webhooks/1' };

export interface CourierOptions {
  /** Deliveries at a time. */
  deliveriesMax: number;
  /** Of these, to endpoints of one organiser. */
  deliveriesPerOrganiserMax: number;
  pollMs: number;
  /** What a receiver has for its answer, name look-up included. */
  timeoutMs: number;
  disableAfterMs: number;
}

/** What the courier tells of what it does. */
export interface CourierEvents {
  attempted: (attempt: Attempt) => void;
  /** A fault of ours, not of a receiver: the turn is taken up again when its lease has run out. */
  onFault: (error: unknown, turn: Turn) => void;
}

/**
 * Takes ledgers to the endpoints: in order, one delivery at a time to each, the cursor behind it. Any number of couriers
 * may run; each turn of an endpoint is leased to one of them, and one that dies leaves a delivery that is sent again.
 *
 * No organiser has more than its share of the deliveries under way, so that receivers that hang delay nobody else's.
 */
export class Courier {
  private readonly loop: BackgroundLoop;
  /** Deliveries under way, and whose they are. */
  private readonly inHand = new Map<Promise<void>, string>();
  /** Events with more to deliver than was known at the last poll, and whose they are. */
  private readonly hinted = new Map<string, string>();
  private pollAt = 0;
  /** At the last poll there was more to take up than places. */
  private crowded = false;
  /** Organisers that had more due at the last poll than was taken up. */
  private waiting: ReadonlySet<string> = new Set();

  constructor(
    private readonly database: Database,
    private readonly destinations: Destinations,
    private readonly keys: MasterKeys,
    private readonly options: CourierOptions,
    private readonly events: CourierEvents,
    private readonly logger: LoggerService,
  ) {
    this.loop = new BackgroundLoop('webhook deliveries', () => this.pass(), logger);
  }

  start(): void {
    this.loop.start();
  }

  /** There is something to deliver of this event: look now instead of at the next poll. */
  wake({ eventId, organiserId }: Pick<Turn, 'eventId' | 'organiserId'>): void {
    this.hinted.set(eventId, organiserId);
    this.loop.wake();
  }

  /** Takes up nothing more, and waits for the deliveries in hand. */
  async stop(): Promise<void> {
    await this.loop.stop();
    await Promise.all(this.inHand.keys());
  }

  /** Organisers that have as many deliveries under way as one may. */
  organisersFull(): string[] {
    const max = this.options.deliveriesPerOrganiserMax;
    return [...this.countInHand()].filter(([, turns]) => turns >= max).map(([organiserId]) => organiserId);
  }

  private async pass(): Promise<number> {
    const limit = this.options.deliveriesMax - this.inHand.size;
    // The next one that ends wakes the loop.
    if (limit <= 0) return this.options.pollMs;
    if (performance.now() >= this.pollAt) await this.poll(limit);
    else await this.followHints(limit);
    return Math.max(1, this.pollAt - performance.now());
  }

  /** Looks at all endpoints. */
  private async poll(limit: number): Promise<void> {
    this.hinted.clear();
    this.pollAt = performance.now() + this.options.pollMs;
    const { turns, waiting } = await this.takeTurns(limit);
    this.crowded = turns.length >= limit && waiting.length > 0;
    this.waiting = new Set(waiting);
  }

  /**
   * Hints lead to their own events alone: looking at all endpoints is for the poll. Where somebody has waited for the place
   * that came free, they go first, and the hint is for the poll as well.
   */
  private async followHints(limit: number): Promise<void> {
    const eventIds = [...this.hinted].flatMap(([eventId, organiserId]) =>
      this.isAwaited(organiserId) ? [] : [eventId],
    );
    this.hinted.clear();
    if (eventIds.length > 0) await this.takeTurns(limit, eventIds);
  }

  private async takeTurns(limit: number, eventIds?: string[]): Promise<Taken> {
    const taken = await takeTurns(this.database, {
      limit,
      perOrganiser: this.options.deliveriesPerOrganiserMax,
      inHand: this.countInHand(),
      leaseMs: this.options.timeoutMs + LEASE_MARGIN_MS,
      eventIds,
    });
    for (const turn of taken.turns) this.keep(turn, this.take(turn));
    return taken;
  }

  private countInHand(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const organiserId of this.inHand.values()) counts.set(organiserId, (counts.get(organiserId) ?? 0) + 1);
    return counts;
  }

  /** Whether others wait for a place that a delivery of this organiser takes or leaves. */
  private isAwaited(organiserId: string): boolean {
    return this.crowded || this.waiting.has(organiserId);
  }

  private keep({ organiserId }: Turn, work: Promise<void>): void {
    this.inHand.set(work, organiserId);
    void work.finally(() => {
      this.inHand.delete(work);
      if (this.isAwaited(organiserId)) this.pollAt = Math.min(this.pollAt, performance.now() + CROWDED_POLL_MS);
      this.loop.wake();
    });
  }

  private async take(turn: Turn): Promise<void> {
    try {
      if (await this.deliver(turn)) this.hinted.set(turn.eventId, turn.organiserId);
    } catch (error) {
      this.events.onFault(error, turn);
    }
  }

  /** @returns whether the cursor moved, so that there may be more at once */
  private async deliver(turn: Turn): Promise<boolean> {
    const entries = await readLedger(this.database, turn.eventId, {
      after: turn.deliveredSeq,
      limit: turn.sendingSeq === null ? ENTRIES_PER_TURN_MAX : turn.sendingSeq - turn.deliveredSeq,
    });
    const batch = cutBatch(entries, turn.kinds);
    if (!batch) return this.nothing(turn);
    const { throughSeq, wanted } = batch;
    if (!isNotEmpty(wanted)) {
      await skipTo(this.database, turn, throughSeq);
      return true;
    }
    if (!(await beginSending(this.database, turn, throughSeq))) return this.nothing(turn);
    const message = writeMessage(turn, wanted);
    const { attempt, askedMs } = await this.attempt(turn, message);
    this.events.attempted(attempt);
    if (attempt.outcome === 'delivered') {
      await recordDelivered(this.database, turn, throughSeq, message, attempt);
      return true;
    }
    const waitMs = retryWaitMs(turn.failures + 1, askedMs);
    const { disableAfterMs } = this.options;
    const disabled = await recordFailed(this.database, turn, message, attempt, { waitMs, disableAfterMs });
    if (disabled) this.logger.warn(`endpoint ${turn.endpointId} is disabled: ${attempt.detail}`);
    return false;
  }

  private async nothing(turn: Turn): Promise<boolean> {
    await endTurn(this.database, turn);
    return false;
  }

  private async attempt(turn: Turn, message: WebhookMessage): Promise<{ attempt: Attempt; askedMs?: number }> {
    const startedAt = performance.now();
    const ended = (outcome: Attempt['outcome'], detail: string, askedMs?: number) => ({
      attempt: { outcome, detail, tookMs: performance.now() - startedAt },
      askedMs,
    });
    const { timeoutMs } = this.options;
    const checked = await this.destinations.check(turn.url, timeoutMs);
    if (checked.outcome !== 'allowed')
      return ended(checked.outcome === 'unresolved' ? 'unreachable' : 'not-allowed', `url ${checked.reason}`);

    const secrets = signingSecrets(this.keys, turn);
    const headers = { ...HEADERS, ...signedHeaders(secrets, message.webhookId, new Date(), message.body) };
    const leftMs = Math.max(1, Math.round(timeoutMs - (performance.now() - startedAt)));
    const posted = await post(checked.destination, headers, message.body, leftMs);
    switch (posted.outcome) {
      case 'timed-out':
        return ended('timed-out', `no answer within ${timeoutMs} ms`);
      case 'unreachable':
        return ended('unreachable', `not reached: ${posted.code}`);
      case 'answered': {
        const { status } = posted;
        return ended(outcomeOf(status), `answered ${status}`, retryAfterMs(posted.retryAfter));
      }
    }
  }
}

function outcomeOf(status: number): Attempt['outcome'] {
  if (status >= 200 && status < 300) return 'delivered';
  return status === 410 ? 'gone' : 'refused';
}

const isNotEmpty = (entries: LedgerEntry[]): entries is [LedgerEntry, ...LedgerEntry[]] => entries.length > 0;
