import type { CreateHoldBody } from '@holdfast/contracts';
import { problem, requestHash } from '@holdfast/http';
import { Overloaded } from '@holdfast/inventory';
import type { HoldTaking, TakeOutcome } from './hold-taking';
import { newHoldId } from './new-hold-id';

/**
 * Takes a hold, for the short way of the route and for the long one: a repeated request may come by the other, and its key
 * must be bound to the same.
 *
 * @param body in order, each seat once
 * @throws Problem `overloaded` when too much is waiting
 * @throws DatabaseUnavailable when Postgres did not answer
 */
export function takeHold(
  taking: Pick<HoldTaking, 'take'>,
  eventId: string,
  buyerId: string,
  key: string,
  body: CreateHoldBody,
): Promise<TakeOutcome> {
  const request = { holdId: newHoldId(), buyerId, key, bodyHash: requestHash(body), seatIds: body.seats };
  return taking.take(eventId, request).catch((error: unknown) => {
    throw error instanceof Overloaded ? problem('overloaded') : error;
  });
}
