import type { Broker, Delivery } from '@holdfast/broker';
import { v7 as newId } from 'uuid';
import { shardQueue } from './shards';

/**
 * A baton stands in each shard's queue. The owner of the shard keeps it unacknowledged for as long as it is the owner, so
 * the broker hands it to the next one in the moment the owner goes, even when no timer is on its way. It names the journal
 * that has the shard's timers: who gets it knows whether that is the one on its own disk.
 */
export interface Baton {
  batonId: string;
  /** Null in the question of a worker that has just come: whose turn is it? */
  journalId: string | null;
}

const MESSAGE_NAME = 'wheel-baton.v1';

export const isBaton = ({ messageName }: Delivery): boolean => messageName === MESSAGE_NAME;

/** Undefined when it is malformed, which no worker sends. */
export function readBaton({ body }: Delivery): Baton | undefined {
  try {
    const { batonId, journalId } = JSON.parse(body.toString()) as Record<string, unknown>;
    if (typeof batonId !== 'string' || (journalId !== null && typeof journalId !== 'string')) return undefined;
    return { batonId, journalId };
  } catch {
    return undefined;
  }
}

/** @throws BrokerUnavailable, as `publish` */
export async function sendBaton(
  broker: Broker,
  shard: number,
  journalId: string | null,
  batonId = newId(),
): Promise<void> {
  const baton: Baton = { batonId, journalId };
  await broker.publish(
    { exchange: '', routingKey: shardQueue(shard), messageName: MESSAGE_NAME, mandatory: true },
    baton,
  );
}
