import type { Fault } from '@holdfast/http';
import Stripe from 'stripe';
import type { Inbox, Verdict } from './inbox';
import { readProviderEvent } from './provider-event';

/** A webhook is stored, with its effect, in one commit. */
export type WebhookCrashPoint = 'webhook:before' | 'webhook:committed';
export const WEBHOOK_CRASH_POINTS: readonly WebhookCrashPoint[] = ['webhook:before', 'webhook:committed'];

/** The sender could not prove to be the provider, or what it sent is too old to be taken from anybody. */
export interface WebhookRefusal {
  refused: string;
}

/** It is from the provider, but its content cannot be right: nothing is done, and a repeat would be no better. */
export interface WebhookMalformed {
  malformed: Fault[];
}

/** What was made of a webhook; the last two never reach the inbox. */
export type WebhookVerdict = Verdict | 'refused' | 'malformed';

export interface WebhooksOptions {
  /** What the provider signs with; several while one is being replaced. */
  secrets: string[];
  /** How old a signature may be. */
  toleranceMs: number;
  crashPoint: (point: WebhookCrashPoint, event: { attemptId?: string }) => void | Promise<void>;
  /** Something may be due, or must be looked into. */
  onHint: (verdict: Verdict) => void;
  onReceived: (verdict: WebhookVerdict) => void;
  /** A fault of the provider, to be told to people. It names what is wrong where, and no content. */
  onMalformed: (faults: Fault[]) => void;
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
  async receive(body: Buffer, signature: string | undefined): Promise<Verdict | WebhookRefusal | WebhookMalformed> {
    const refusal = this.verify(body, signature ?? '');
    if (refusal) {
      this.options.onReceived('refused');
      return refusal;
    }
    const told = readProviderEvent(body);
    if ('malformed' in told) {
      this.options.onReceived('malformed');
      this.options.onMalformed(told.malformed);
      return told;
    }
    if ('ignored' in told) {
      this.options.onReceived('unknown-type');
      return 'unknown-type';
    }
    const about = { attemptId: told.attemptId ?? undefined };
    await this.options.crashPoint('webhook:before', about);
    const verdict = await this.inbox.receive(told);
    await this.options.crashPoint('webhook:committed', about);
    this.options.onReceived(verdict);
    if (verdict === 'hint' || verdict === 'doubtful') this.options.onHint(verdict);
    return verdict;
  }

  /** By each of the secrets in turn. */
  private verify(body: Buffer, signature: string): WebhookRefusal | undefined {
    const { signature: signatures } = Stripe.webhooks;
    if (!signatures) throw new Error("Stripe's client is without its check of signatures");
    let refusal = FOREIGN;
    for (const secret of this.options.secrets) {
      try {
        signatures.verifyHeader(body, signature, secret, this.options.toleranceMs / 1_000);
        return undefined;
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
        // Told only of a signature that fits.
        if (error.message.includes('tolerance')) refusal = TOO_OLD;
      }
    }
    return refusal;
  }
}

const FOREIGN: WebhookRefusal = { refused: 'The signature does not fit these bytes, or there is none.' };
const TOO_OLD: WebhookRefusal = { refused: 'The signature is too old.' };
