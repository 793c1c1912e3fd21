import { hash } from 'node:crypto';

const BUYER_CHARS = 11;
const KEY_CHARS = 11;

/**
 * Who asked, as the keys of the guard and the map of taken seats carry it: a short hash of the buyer, a dot, a short hash
 * of buyer and idempotency key. Equal owners mean the same request again; equal first halves mean the same buyer. Hashes
 * of 66 bits each: the ids themselves stay out of Redis.
 */
export function guardOwner(buyerId: string, key: string): string {
  // Length first, so that no other pair of buyer and key joins to the same text.
  return `${shortHash(buyerId, BUYER_CHARS)}.${shortHash(`${buyerId.length}:${buyerId}${key}`, KEY_CHARS)}`;
}

/** Whether two owners are requests of one buyer. */
export function sameBuyer(owner: string, other: string): boolean {
  return owner.slice(0, BUYER_CHARS) === other.slice(0, BUYER_CHARS);
}

function shortHash(text: string, chars: number): string {
  return hash('sha256', text, 'base64url').slice(0, chars);
}
