import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StripeEvent } from './events';
import type { StripeError } from './stripe-error';

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled';

/** A payment intent: the fields of Stripe's object that the subset uses, under Stripe's names. Amounts in minor units. */
export interface Intent {
  id: string;
  object: 'payment_intent';
  amount: number;
  amount_capturable: number;
  amount_received: number;
  canceled_at: number | null;
  cancellation_reason: string | null;
  capture_method: 'manual' | 'automatic';
  client_secret: string;
  /** Seconds since the epoch, as Stripe counts. */
  created: number;
  currency: string;
  last_payment_error: StripeError | null;
  latest_charge: string | null;
  livemode: false;
  metadata: Record<string, string>;
  next_action: { type: 'redirect_to_url'; redirect_to_url: { url: string; return_url: null } } | null;
  payment_method: string | null;
  status: IntentStatus;
}

/** Money on a card: set aside when `captured` is false, taken when it is true. */
export interface Charge {
  id: string;
  object: 'charge';
  amount: number;
  amount_captured: number;
  amount_refunded: number;
  captured: boolean;
  created: number;
  currency: string;
  /** The intent's, as Stripe copies it. */
  metadata: Record<string, string>;
  payment_intent: string;
  refunded: boolean;
  status: 'succeeded' | 'failed';
}

export interface Refund {
  id: string;
  object: 'refund';
  amount: number;
  charge: string;
  created: number;
  currency: string;
  metadata: Record<string, string>;
  payment_intent: string;
  reason: string | null;
  failure_reason?: string;
  status: 'pending' | 'succeeded' | 'failed';
}

/** The first answer to an idempotency key, given again to every later request with that key. */
export interface StoredAnswer {
  key: string;
  /** What was asked; another request under the same key is refused. */
  fingerprint: string;
  status: number;
  body: unknown;
  storedAtMs: number;
}

/** Everything one request changes. Written as one line, so that a kill leaves all of it or nothing. */
export interface Change {
  intent?: Intent;
  charge?: Charge;
  refund?: Refund;
  answer?: StoredAnswer;
  /** A fault that has fired and will not fire again. */
  fired?: string;
  /** What the receiver of webhooks has to be told of the change. */
  events?: StripeEvent[];
  /** An event that was told, or given up. */
  delivered?: string;
}

/** Minor units by currency. */
export interface Totals {
  authorised: number;
  captured: number;
  refunded: number;
  voided: number;
}

/** Stripe forgets keys after a day. */
const ANSWER_KEPT_MS = 24 * 60 * 60 * 1_000;
/** Events that can be listed; the oldest ones are forgotten. */
const EVENTS_KEPT_MAX = 10_000;
const JOURNAL_FILE = 'sandbox-journal.jsonl';

/**
 * The provider's books: all intents, charges and refunds, in memory, with an append-only journal of changes behind them.
 * A restart reads the journal and goes on. The journal is not fsynced: it survives a killed process, not a power cut.
 */
export class Books {
  readonly intents = new Map<string, Intent>();
  readonly charges = new Map<string, Charge>();
  readonly refunds = new Map<string, Refund>();
  readonly answers = new Map<string, StoredAnswer>();
  readonly fired = new Set<string>();
  readonly events = new Map<string, StripeEvent>();
  readonly undelivered = new Map<string, StripeEvent>();

  private constructor(private readonly journal: string | undefined) {}

  /** @param folder where the journal is; empty keeps the books in memory only */
  static open(folder: string): Books {
    if (!folder) return new Books(undefined);
    mkdirSync(folder, { recursive: true });
    const books = new Books(join(folder, JOURNAL_FILE));
    for (const change of books.readJournal()) books.apply(change);
    return books;
  }

  record(change: Change): void {
    if (this.journal) appendFileSync(this.journal, `${JSON.stringify(change)}\n`);
    this.apply(change);
  }

  /** Sums over all intents, by currency. */
  totals(): Record<string, Totals> {
    const totals: Record<string, Totals> = {};
    for (const charge of this.charges.values()) {
      if (charge.status === 'failed') continue;
      const sum = (totals[charge.currency] ??= { authorised: 0, captured: 0, refunded: 0, voided: 0 });
      sum.authorised += charge.amount;
      sum.captured += charge.amount_captured;
      sum.refunded += charge.amount_refunded;
      if (this.intents.get(charge.payment_intent)?.status === 'canceled') sum.voided += charge.amount;
    }
    return totals;
  }

  private apply({ intent, charge, refund, answer, fired, events = [], delivered }: Change): void {
    if (intent) this.intents.set(intent.id, intent);
    if (charge) this.charges.set(charge.id, charge);
    if (refund) this.refunds.set(refund.id, refund);
    if (answer && answer.storedAtMs > Date.now() - ANSWER_KEPT_MS) this.answers.set(answer.key, answer);
    if (fired) this.fired.add(fired);
    for (const event of events) {
      this.events.set(event.id, event);
      this.undelivered.set(event.id, event);
    }
    if (delivered) this.undelivered.delete(delivered);
    for (const id of this.events.keys()) {
      if (this.events.size <= EVENTS_KEPT_MAX) break;
      this.events.delete(id);
    }
  }

  private readJournal(): Change[] {
    if (!this.journal || !existsSync(this.journal)) return [];
    const lines = readFileSync(this.journal, 'utf8').split('\n');
    // What follows the last line end was cut off by a kill: that request was never answered.
    const cutOff = lines.pop();
    if (cutOff) appendFileSync(this.journal, '\n');
    return lines.filter(Boolean).flatMap((line) => readChange(line));
  }
}

function readChange(line: string): Change[] {
  try {
    return [JSON.parse(line) as Change];
  } catch {
    return [];
  }
}
