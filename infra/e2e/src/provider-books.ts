import { system } from './system-under-test';

interface Intent {
  id: string;
  status: string;
  amount_received: number;
  metadata: Record<string, string>;
}

/** What the provider's own books say of a hold: each intent's status and the money taken, in minor units. */
export async function booksOf(holdId: string): Promise<{ status: string; taken: number }[]> {
  const response = await fetch(new URL('/sandbox/books', system.provider?.url), {
    headers: { authorization: `Bearer ${system.provider?.secretKey}` },
  });
  const { intents } = (await response.json()) as { intents: Intent[] };
  return intents
    .filter((intent) => intent.metadata.holdId === holdId)
    .map(({ status, amount_received }) => ({ status, taken: amount_received }));
}
