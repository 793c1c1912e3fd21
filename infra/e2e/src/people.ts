import { randomUUID } from 'node:crypto';
import { mintToken as mintBySecret } from '@holdfast/testing';
import { system } from './system-under-test';

export type Role = 'buyer' | 'organiser' | 'service';

const TOKEN_LIFE = '2h';

/** A signed token; `expires` is a time as jose reads it, such as `2h` or `-10s`. */
export async function mintToken(
  subject: string,
  roles: Role[],
  { secret = system.jwtSecret, expires = TOKEN_LIFE } = {},
): Promise<string> {
  if (!secret) throw new Error('minting tokens needs HOLDFAST_JWT_SECRET');
  return mintBySecret(secret, subject, roles, expires);
}

/** The token of somebody who may create events. */
export async function organiser(): Promise<string> {
  return system.organiserToken ?? mintToken(`organiser-${randomUUID()}`, ['organiser']);
}

/** Tokens of that many different buyers. */
export async function buyers(count: number): Promise<string[]> {
  if (system.jwtSecret) {
    return Promise.all(Array.from({ length: count }, () => mintToken(`buyer-${randomUUID()}`, ['buyer'])));
  }
  return system.buyerTokens.slice(0, count);
}

/** `it` where the system lets the suite be that many buyers, `it.skip` elsewhere. */
export function itWithBuyers(count: number): jest.It {
  return system.jwtSecret || system.buyerTokens.length >= count ? it : it.skip;
}

export const itWithMintedTokens: jest.It = system.jwtSecret ? it : it.skip;
export const itWithReceiver: jest.It = system.receiverHost && system.jwtSecret ? it : it.skip;
export const itWithProviderBooks: jest.It = system.provider && system.jwtSecret ? it : it.skip;
