import Stripe from 'stripe';
import { SandboxConfig } from './sandbox-config';
import { startSandbox, type Sandbox } from './server';

const CLIENT_TIMEOUT_MS = 300;

/** Stripe's own client, pointed at a sandbox. */
export function stripeClient(url: string, secretKey = new SandboxConfig().secretKey): Stripe {
  const { hostname, port } = new URL(url);
  return new Stripe(secretKey, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    timeout: CLIENT_TIMEOUT_MS,
    telemetry: false,
  });
}

/** A sandbox on a free port, with its books in memory unless told otherwise. */
export function sandboxWith(changes: Partial<SandboxConfig> = {}): Promise<Sandbox> {
  return startSandbox(Object.assign(new SandboxConfig(), { port: 0, ...changes }));
}

/** A call of the sandbox's own routes, with its secret key. */
export async function ask(sandbox: Sandbox, method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(`${sandbox.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${new SandboxConfig().secretKey}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}

export interface NewIntent {
  method: string;
  amount?: number;
  metadata?: Record<string, string>;
  captureMethod?: Stripe.PaymentIntentCreateParams.CaptureMethod;
}

export function createIntent(stripe: Stripe, { method, amount = 1_000, metadata = {}, captureMethod }: NewIntent) {
  return stripe.paymentIntents.create({
    amount,
    currency: 'eur',
    capture_method: captureMethod ?? 'manual',
    payment_method: method,
    metadata,
  });
}

/** An intent whose money is set aside. */
export async function authorise(stripe: Stripe, intent: NewIntent) {
  return stripe.paymentIntents.confirm((await createIntent(stripe, intent)).id);
}

/** The error of a call that must fail. */
export function faultOf(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  return call.then(
    () => {
      throw new Error('was expected to fail');
    },
    (error: unknown) => error as Stripe.errors.StripeError,
  );
}
