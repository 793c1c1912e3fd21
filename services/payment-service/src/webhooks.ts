import Stripe from 'stripe';
import { validate as isUuid } from 'uuid';
import type { Inbox, ProviderEvent, Verdict } from './inbox';

/** A webhook is stored, with its effect, in one commit. */
export type WebhookCrashPoint = 'webhook:before' | 'webhook:committed';
export const WEBHOOK_CRASH_POINTS: readonly WebhookCrashPoint[] = ['webhook:before', 'webhook:committed'];

/** The sender could not prove to be the provider, or what it sent is too old to be taken from anybody. */
export interface WebhookRefusal {
  refused: string;
}

export interface WebhooksOptions {
  /** What the provider signs with; several while one is being replaced. */
  secrets: string[];
  /** How old a signature may be. */
  toleranceMs: number;
  crashPoint: (point: WebhookCrashPoint, event: { attemptId?: string }) => void | Promise<void>;
  /** Something may be due, or must be looked into. */
  onHint: (verdict: Verdict) => void;
  onReceived: (verdict: Verdict | 'refused') => void;
}

/** What the provider tells of its own accord. */
export class Webhooks {
  constructor(
    private readonly inbox: Inbox,
    private readonly options: WebhooksOptions,
  ) {}

  /**
   * Takes a webhook in. It is durable when this resolves: until then the provider must not be told that it arrived.
   *
   * @param body the bytes as they came: the signature is over them, and the same JSON written otherwise has another one
   */
  async receive(body: Buffer, signature: string | undefined): Promise<Verdict | WebhookRefusal> {
    const event = this.verify(body, signature ?? '');
    if ('refused' in event) {
      this.options.onReceived('refused');
      return event;
    }
    const told = readEvent(event);
    const about = { attemptId: told.attemptId ?? undefined };
    await this.options.crashPoint('webhook:before', about);
    const verdict = await this.inbox.receive(told);
    await this.options.crashPoint('webhook:committed', about);
    this.options.onReceived(verdict);
    if (verdict === 'hint' || verdict === 'doubtful') this.options.onHint(verdict);
    return verdict;
  }

  /** By each of the secrets in turn. */
  private verify(body: Buffer, signature: string): Stripe.Event | WebhookRefusal {
    let refusal = FOREIGN;
    for (const secret of this.options.secrets) {
      try {
        const event = Stripe.webhooks.constructEvent(body, signature, secret, this.options.toleranceMs / 1_000);
        return isEvent(event) ? event : NO_EVENT;
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) {
          return NO_EVENT;
        }
        // Told only of a signature that fits.
        if (error.message.includes('tolerance')) refusal = TOO_OLD;
      }
    }
    return refusal;
  }
}

const FOREIGN: WebhookRefusal = { refused: 'The signature does not fit these bytes, or there is none.' };
const TOO_OLD: WebhookRefusal = { refused: 'The signature is too old.' };
const NO_EVENT: WebhookRefusal = { refused: 'The body is not an event.' };

function isEvent(event: Partial<Stripe.Event> | null): boolean {
  return typeof event?.id === 'string' && typeof event.type === 'string' && Number.isSafeInteger(event.created);
}

interface ToldObject {
  object?: string;
  id?: string;
  payment_intent?: string | { id: string } | null;
  metadata?: Record<string, string> | null;
  amount?: number;
  currency?: string;
}

function readEvent(event: Stripe.Event): ProviderEvent {
  const object = (event.data?.object ?? {}) as ToldObject;
  const { eventId = '', attemptId = '' } = object.metadata ?? {};
  const named = isUuid(eventId) && isUuid(attemptId);
  return {
    providerEventId: event.id,
    type: event.type,
    objectKind: object.object ?? '',
    objectId: object.id ?? '',
    intentId: intentIdOf(object),
    eventId: named ? eventId : null,
    attemptId: named ? attemptId : null,
    amountMinor: object.amount ?? null,
    currency: object.currency?.toUpperCase() ?? null,
    createdAt: new Date(event.created * 1_000),
  };
}

function intentIdOf({ object, id, payment_intent: intent }: ToldObject): string | null {
  if (object === 'payment_intent') return id ?? null;
  return (typeof intent === 'string' ? intent : intent?.id) ?? null;
}
