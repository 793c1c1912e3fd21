import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Bookkeeper } from './bookkeeper';
import type { Form } from './form';
import { nested } from './form';
import { fingerprintOf, type IdempotentRequests } from './idempotent-requests';
import type { Outcome } from './payment-intents';
import type { Step } from './payment-methods';
import type { Script, Subject } from './script';
import { INTERNAL_ERROR, Refusal } from './stripe-error';

/** How long a request that is meant to hang does so, should its client have no time-out. */
const HANG_MAX_MS = 120_000;

/** What one call does when nothing goes wrong on the way. */
export type Operation = (request: FastifyRequest, form: Form, script: Script) => Outcome;

/** Runs one changing request: replay by key, then the faults scripted for this step, then the operation itself. */
export async function answerChange(
  keeper: Bookkeeper,
  requests: IdempotentRequests,
  step: Step,
  request: FastifyRequest,
  reply: FastifyReply,
  operation: Operation,
): Promise<void> {
  const form = (request.body ?? {}) as Form;
  const path = request.url.split('?')[0] as string;
  const fingerprint = fingerprintOf(path, form);
  const key = request.headers['idempotency-key'] as string | undefined;
  const stored = requests.begin(key, fingerprint);
  if (stored) {
    void reply.code(stored.status).header('idempotent-replayed', 'true').send(stored.body);
    return;
  }
  const store = (outcome: Outcome) => {
    const answer = requests.answerTo(key, fingerprint, outcome.status, outcome.body);
    const asked = { id: String(reply.getHeader('request-id')), idempotency_key: key ?? null };
    keeper.record({ ...outcome.change, answer }, asked);
  };
  try {
    const subject = subjectOf(keeper, request, form);
    const script = keeper.scripts.of(subject);
    const calls = script.calls.filter((call) => call.step === step);
    for (const call of calls) if (call.kind === 'slow') await sleep(call.delayMs);
    const firing = (source: string) => `${source}:${step}:${subject.id ?? fingerprint}`;
    const scripted = calls.find((call) => call.kind !== 'slow' && !keeper.books.fired.has(firing(call.source)));
    const fault = scripted?.kind;
    const fired = scripted && firing(scripted.source);
    if (fault === 'hang') return hang(reply);
    if (fault === 'timeout_before') {
      keeper.record({ fired });
      return hang(reply);
    }
    if (fault === '500_before') {
      store({ status: 500, body: { error: INTERNAL_ERROR }, change: { fired } });
      void reply.code(500).send({ error: INTERNAL_ERROR });
      return;
    }
    const { status, body, change } = outcomeOf(() => operation(request, form, script));
    const answer = fault === '500_after' ? { status: 500, body: { error: INTERNAL_ERROR } } : { status, body };
    store({ ...answer, change: { ...change, fired } });
    if (fault === 'timeout_after') return hang(reply);
    void reply.code(answer.status).send(answer.body);
  } finally {
    requests.end(key);
  }
}

/** The intent of the call, as the request would have it. */
function subjectOf({ books }: Bookkeeper, request: FastifyRequest, form: Form): Subject {
  const charge = books.charges.get(form.charge ?? '');
  const id = (request.params as { id?: string }).id ?? form.payment_intent ?? charge?.payment_intent;
  const intent = books.intents.get(id ?? '');
  return {
    id,
    payment_method: form.payment_method ?? intent?.payment_method ?? null,
    amount: intent?.amount ?? Number(form.amount),
    metadata: intent?.metadata ?? nested(form, 'metadata'),
  };
}

/** A refusal of the operation is an answer like any other: it is stored under its key. */
function outcomeOf(operation: () => Outcome): Outcome {
  try {
    return operation();
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: { error: error.error }, change: {} };
    throw error;
  }
}

function hang(reply: FastifyReply): void {
  reply.hijack();
  const timer = setTimeout(() => reply.raw.destroy(), HANG_MAX_MS);
  reply.raw.on('close', () => clearTimeout(timer));
}
