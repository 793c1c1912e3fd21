import { onCommand, openBroker, type Broker } from '@holdfast/broker';
import {
  BeginPayment,
  Book,
  EndPayment,
  LateBook,
  Unbook,
  type LatePayment,
  type BeginPaymentReply,
} from '@holdfast/contracts';
import {
  beginPayment,
  book,
  createEvent,
  endPayment,
  hold,
  inventoryMigrations,
  lateBook,
  unbook,
} from '@holdfast/inventory';
import type { Database } from '@holdfast/postgres';
import { SandboxConfig, startSandbox, type Charge, type Intent, type Sandbox } from '@holdfast/sandbox-provider';
import { eventually, testDatabase, testVhost, type TestDatabase, type TestVhost } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { advance, hasEnded, type World } from './attempt-lifecycle';
import { Attempts, type Attempt } from './attempts';
import { brokerHoldCommands } from './hold-commands';
import { paymentMigrations } from './migrations';
import { Provider } from './provider';
import type { RefundWorld } from './refund-lifecycle';
import { Refunds } from './refunds';

const READY_MS = 15_000;
/** How long the bank takes for a refund that is pending. */
const REFUND_MS = 30;
const SEAT_PRICE_MINOR = 4_500;

/** Times small enough that a test waits for nobody, yet above what the machine takes. */
export const TIMES = { leaseMs: 30_000, backoffMs: 1, backoffMaxMs: 50, actionPollMs: 10 };
const PROVIDER_TIMEOUT_MS = 120;
const COMMAND_TIMEOUT_MS = 5_000;

export type RigWorld = World & RefundWorld;

export interface HeldSeats {
  eventId: string;
  holdId: string;
  buyerId: string;
  seatIds: string[];
}

/** Sides that must agree about an attempt: what was charged for it, and whose its seats are. */
export interface Books {
  chargedMinor: number;
  booked: boolean;
  /** Intents of the attempt that could still take money. */
  open: Intent[];
}

/** The real parts around payment-service: Postgres, RabbitMQ, hold-service's verbs behind it, the sandbox provider. */
export class PaymentRig {
  private seats = 0;

  private constructor(
    private readonly db: TestDatabase,
    private readonly vhost: Pick<TestVhost, 'url' | 'drop'>,
    private readonly holdService: Broker,
    private readonly broker: Broker,
    readonly sandbox: Sandbox,
    private readonly events: { paid: string; free: string; late: string },
  ) {}

  /** @param rabbitmqUrl a broker of the caller's own, instead of a virtual host of the shared one */
  static async open({ rabbitmqUrl }: { rabbitmqUrl?: string } = {}): Promise<PaymentRig> {
    const db = await testDatabase([inventoryMigrations, paymentMigrations]);
    const vhost = rabbitmqUrl ? { url: rabbitmqUrl, drop: () => Promise.resolve() } : await testVhost();
    const holdService = openBroker({ url: vhost.url, name: 'hold-service' });
    const broker = openBroker({ url: vhost.url, name: 'payment-service' });
    await Promise.all([holdService.whenReady(READY_MS), broker.whenReady(READY_MS)]);
    await answerCommands(holdService, db.database).then((consumer) => consumer.whenConsuming(READY_MS));
    const sandbox = await startSandbox(Object.assign(new SandboxConfig(), { port: 0, refundMs: REFUND_MS }));
    const events = {
      paid: await newEvent(db.database, SEAT_PRICE_MINOR, 'void'),
      free: await newEvent(db.database, 0, 'void'),
      late: await newEvent(db.database, SEAT_PRICE_MINOR, 'same-seats-if-free'),
    };
    return new PaymentRig(db, vhost, holdService, broker, sandbox, events);
  }

  async close(): Promise<void> {
    await Promise.all([this.holdService.close(), this.broker.close(), this.sandbox.close()]);
    await Promise.all([this.db.drop(), this.vhost.drop()]);
  }

  get database(): Database {
    return this.db.database;
  }

  get postgresUrl(): string {
    return this.db.url;
  }

  get rabbitmqUrl(): string {
    return this.vhost.url;
  }

  world(changes: Partial<RigWorld> = {}): RigWorld {
    return {
      attempts: new Attempts(this.database, TIMES),
      refunds: new Refunds(this.database, TIMES),
      holds: brokerHoldCommands(this.broker, COMMAND_TIMEOUT_MS),
      provider: new Provider({
        apiUrl: this.sandbox.url,
        secretKey: new SandboxConfig().secretKey,
        system: 'holdfast',
        timeoutMs: PROVIDER_TIMEOUT_MS,
        faultsMax: 1_000,
        restMs: 100,
      }),
      crashPoint: () => undefined,
      onMoved: () => undefined,
      onRefundMoved: () => undefined,
      ...changes,
    };
  }

  /**
   * Two fresh seats, held.
   *
   * @param on an event with paid seats, with free ones, or one that gives late payers the same seats if they are free
   */
  async holdSeats({
    on = 'paid',
    buyerId = `buyer-${newId()}`,
  }: { on?: 'paid' | 'free' | 'late'; buyerId?: string } = {}): Promise<HeldSeats> {
    const seatIds = [seatName(this.seats++), seatName(this.seats++)];
    return this.take(this.events[on], buyerId, seatIds);
  }

  /** The hold's deadline was in the past all along: what hold-service then sees. */
  async runOut({ eventId, holdId }: Pick<HeldSeats, 'eventId' | 'holdId'>): Promise<void> {
    const past = `deadline = clock_timestamp() - interval '1 second'`;
    for (const rows of [
      `inventory.seats SET ${past} WHERE state = 'held' AND`,
      `inventory.holds SET ${past} WHERE state = 'held' AND`,
      `payments.attempts SET ${past} WHERE`,
    ]) {
      await this.database.query(`UPDATE ${rows} event_id = $1 AND hold_id = $2`, [eventId, holdId]);
    }
  }

  /** Somebody else takes the seats of a hold that ran out. */
  async takeOver({ eventId, seatIds }: HeldSeats): Promise<HeldSeats> {
    return this.take(eventId, `buyer-${newId()}`, seatIds);
  }

  /** Everything that waits is due now. */
  async makeDue(): Promise<void> {
    for (const table of ['attempts', 'refunds']) {
      await this.database.query(`UPDATE payments.${table} SET next_at = clock_timestamp() WHERE ended_at IS NULL`);
    }
  }

  /** Records an attempt for a hold and drives it as far as it goes by itself, however late the sandbox answers. */
  async pay(held: HeldSeats, paymentMethod: string, world = this.world()): Promise<Attempt> {
    const request = { ...held, paymentMethod, key: newId(), bodyHash: Buffer.from(held.holdId) };
    const begun = await world.attempts.start(request);
    if (begun.outcome !== 'started') throw new Error(begun.outcome);
    let attempt = await advance(begun.attempt, world, false);
    return eventually(async () => {
      if (hasEnded(attempt.state) || attempt.state === 'requires-action') return attempt;
      attempt = await advance(attempt, world, true);
    });
  }

  /** The payer's answer to 3-D Secure. */
  async authenticate({ intentId }: Attempt, outcome: 'succeeded' | 'failed'): Promise<void> {
    const url = `${this.sandbox.url}/sandbox/payment_intents/${intentId}/authenticate`;
    const response = await fetch(url, { method: 'POST', body: new URLSearchParams({ outcome }) });
    if (!response.ok) throw new Error(`3-D Secure: ${response.status}`);
  }

  /** Waits until nobody works on an attempt and nothing is due. */
  async settled({ attemptId }: Attempt): Promise<void> {
    const busy = `SELECT FROM payments.attempts
                   WHERE attempt_id = $1 AND ended_at IS NULL AND (in_hand OR next_at <= clock_timestamp())`;
    await eventually(async () => (await this.database.query(busy, [attemptId])).length === 0);
  }

  /** What the provider's books and the seats say of an attempt; the answers of payment-service are not asked. */
  async booksOf(held: HeldSeats, attempt: Pick<Attempt, 'attemptId'>): Promise<Books> {
    const { intents, charges } = this.sandbox.books;
    const own = [...intents.values()].filter((intent) => intent.metadata.attemptId === attempt.attemptId);
    const ids = new Set(own.map(({ id }) => id));
    const taken = [...charges.values()].filter((charge: Charge) => ids.has(charge.payment_intent));
    const rows = await this.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM inventory.seats s
        WHERE event_id = $1 AND seat_id = ANY ($2) AND state = 'booked' AND hold_id IN (
          SELECT unnest(ARRAY[hold_id, late_hold_id]) FROM payments.attempts WHERE event_id = $1 AND attempt_id = $3)`,
      [held.eventId, held.seatIds, attempt.attemptId],
    );
    return {
      chargedMinor: taken.reduce((sum, charge) => sum + charge.amount_captured - charge.amount_refunded, 0),
      booked: rows[0]?.n === held.seatIds.length,
      // Never confirmed and unknown to us: nobody can confirm it any more.
      open: own.filter(({ status }) => !['succeeded', 'canceled', 'requires_confirmation'].includes(status)),
    };
  }

  private async take(eventId: string, buyerId: string, seatIds: string[]): Promise<HeldSeats> {
    const holdId = newId();
    const request = { holdId, buyerId, key: holdId, bodyHash: Buffer.from(holdId), seatIds };
    const [outcome] = await hold(this.database, eventId, [request]);
    if (outcome?.outcome !== 'held') throw new Error(`The seats were not held: ${outcome?.outcome}`);
    return { eventId, holdId, buyerId, seatIds };
  }
}

const SEATS = 4_000;
const seatName = (number: number) => `seat-${String(number).padStart(5, '0')}`;

async function newEvent(database: Database, priceMinor: number, latePayment: LatePayment): Promise<string> {
  const eventId = newId();
  await createEvent(database, {
    eventId,
    organiserId: 'organiser',
    key: eventId,
    bodyHash: Buffer.from(eventId),
    name: 'Concert',
    currency: 'EUR',
    categories: [{ name: 'Stalls', color: '#000000', priceMinor }],
    seats: Array.from({ length: SEATS }, (_, number) => ({ seatId: seatName(number), category: 0 })),
    layout: '{}',
    sale: {
      holdSeconds: 600,
      holdSecondsMax: 3_600,
      extensionsMax: 1,
      seatsPerHoldMax: 10,
      seatsPerBuyerMax: 10,
      payGraceSeconds: 0,
      latePayment,
    },
  });
  return eventId;
}

/** hold-service's answers: the inventory's own verbs behind the real transport. */
async function answerCommands(broker: Broker, database: Database) {
  return broker.subscribe({ queue: 'holdfast.hold-commands', prefetch: 20 }, [
    onCommand(BeginPayment, async ({ eventId, ...request }) => {
      const outcome = one(await beginPayment(database, eventId, [request]));
      const deadline = outcome.deadline?.toISOString();
      return { ...outcome, deadline, serverTime: outcome.serverTime.toISOString() } as BeginPaymentReply;
    }),
    onCommand(Book, async ({ eventId, ...request }) => {
      const outcome = one(await book(database, eventId, [request]));
      return { ...outcome, serverTime: outcome.serverTime.toISOString() };
    }),
    onCommand(LateBook, async ({ eventId, ...request }) => {
      const outcome = await lateBook(database, eventId, request);
      return { ...outcome, serverTime: outcome.serverTime.toISOString() };
    }),
    onCommand(EndPayment, async ({ eventId, ...request }) => {
      const outcome = one(await endPayment(database, eventId, [request]));
      if (outcome.outcome === 'unbooked') throw new Error('not in these tests');
      return outcome;
    }),
    onCommand(Unbook, async ({ eventId, ...request }) => one(await unbook(database, eventId, [request]))),
  ]);
}

function one<T>(outcomes: T[]): T {
  if (!outcomes[0]) throw new Error('no outcome');
  return outcomes[0];
}
