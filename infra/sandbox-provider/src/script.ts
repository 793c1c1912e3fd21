import { randomBytes } from 'node:crypto';
import {
  paymentMethodOf,
  type CallFault,
  type CardOutcome,
  type PaymentMethod,
  type WebhookFault,
} from './payment-methods';
import { invalidRequest } from './stripe-error';

/** What is known of an intent when its script is looked up; before its creation, what its creation asks for. */
export interface Subject {
  id?: string;
  payment_method: string | null;
  amount?: number;
  metadata: Record<string, string>;
}

/** Intents that all of it applies to: an amount in minor units, one intent, a card, members of the metadata. */
export interface Where {
  intent?: string;
  amount?: number;
  payment_method?: string;
  metadata?: Record<string, string>;
}

/** Intents of a kind behave, whatever their card, as this payment method does too. */
export interface PlannedFault {
  id: string;
  as: string;
  where: Where;
}

/** A fault with the name under which it is remembered that it has fired. */
export type ScriptedCall = CallFault & { source: string };

/** What happens to an intent: by its card, and by what was planned for intents like it. */
export interface Script {
  outcome: CardOutcome;
  calls: ScriptedCall[];
  webhook: WebhookFault | undefined;
}

/** A drill plans a handful at a time; a plan that is never cleared must not grow for ever. */
const PLANNED_MAX = 10_000;

/** Faults planned over HTTP, in memory only: a restart forgets them. */
export class Scripts {
  private readonly planned = new Map<string, PlannedFault>();

  /** @throws Refusal when the payment method is unknown, nothing says whom it concerns, or too many are planned */
  plan({ as, where = {} }: { as?: string; where?: Where }): PlannedFault {
    if (!as || !paymentMethodOf(as)) throw invalidRequest(`No such PaymentMethod: '${as ?? ''}'`, undefined, 'as');
    if (Object.keys(where).length === 0) throw invalidRequest('Say which intents it concerns.', undefined, 'where');
    if (this.planned.size >= PLANNED_MAX) throw invalidRequest(`No more than ${PLANNED_MAX} faults can be planned.`);
    const fault = { id: `fault_${randomBytes(8).toString('hex')}`, as, where };
    this.planned.set(fault.id, fault);
    return fault;
  }

  list(): PlannedFault[] {
    return [...this.planned.values()];
  }

  /** @param id one of them; none given forgets all */
  forget(id?: string): void {
    if (id) this.planned.delete(id);
    else this.planned.clear();
  }

  /** The later plan wins where two name an outcome or a fault of webhooks; faults of calls add up. */
  of(subject: Subject): Script {
    const script: Script = { outcome: { kind: 'pays' }, calls: [], webhook: undefined };
    const add = (method: PaymentMethod | undefined, source: string) => {
      if (method?.outcome) script.outcome = method.outcome;
      if (method?.webhook) script.webhook = method.webhook;
      if (method?.call) script.calls.push({ ...method.call, source });
    };
    add(paymentMethodOf(subject.payment_method ?? ''), 'card');
    for (const { id, as, where } of this.planned.values()) {
      if (concerns(where, subject)) add(paymentMethodOf(as), id);
    }
    return script;
  }
}

function concerns(where: Where, subject: Subject): boolean {
  return (
    (where.intent === undefined || where.intent === subject.id) &&
    (where.amount === undefined || where.amount === subject.amount) &&
    (where.payment_method === undefined || where.payment_method === subject.payment_method) &&
    Object.entries(where.metadata ?? {}).every(([name, value]) => subject.metadata[name] === value)
  );
}
