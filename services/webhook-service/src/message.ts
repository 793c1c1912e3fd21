import type { SeatsChangedWebhook } from '@holdfast/contracts';
import type { LedgerEntry, LedgerKind } from '@holdfast/inventory';

/** About 20 kB of JSON, the most that Standard Webhooks recommends. */
const ENTRIES_PER_MESSAGE_MAX = 100;

/** A part of the ledger, and what of it the endpoint wants. */
export interface Batch {
  /** The last entry that was looked at, wanted or not: how far the cursor may move. */
  throughSeq: number;
  wanted: LedgerEntry[];
}

export interface WebhookMessage {
  /** Of these very entries to this endpoint, however often they are sent. */
  webhookId: string;
  firstSeq: number;
  lastSeq: number;
  body: string;
}

/** Cuts one message's worth off consecutive entries; undefined when there are none. */
export function cutBatch(entries: LedgerEntry[], kinds: LedgerKind[] | null): Batch | undefined {
  const wanted: LedgerEntry[] = [];
  let throughSeq: number | undefined;
  for (const entry of entries) {
    if (wanted.length === ENTRIES_PER_MESSAGE_MAX) break;
    if (!kinds || kinds.includes(entry.kind)) wanted.push(entry);
    throughSeq = entry.seq;
  }
  return throughSeq === undefined ? undefined : { throughSeq, wanted };
}

/** What is posted: the same entries always give the same id and the same body. */
export function writeMessage(
  { eventId, endpointId }: { eventId: string; endpointId: string },
  entries: [LedgerEntry, ...LedgerEntry[]],
): WebhookMessage {
  const [first] = entries;
  const last = entries.at(-1) ?? first;
  const payload: SeatsChangedWebhook = {
    type: 'seats.changed',
    timestamp: last.at.toISOString(),
    data: { eventId, entries: entries.map((entry) => ({ ...entry, at: entry.at.toISOString() })) },
  };
  return {
    webhookId: `msg_${endpointId.replaceAll('-', '')}_${first.seq}_${last.seq}`,
    firstSeq: first.seq,
    lastSeq: last.seq,
    body: JSON.stringify(payload),
  };
}
