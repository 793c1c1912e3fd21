import { randomBytes } from 'node:crypto';

/** An id as Stripe's look: `pi_...`. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** Stripe counts time in seconds since the epoch. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}
