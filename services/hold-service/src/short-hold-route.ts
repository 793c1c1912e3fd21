import { isSeatId, SEATS_PER_HOLD_MAX } from '@holdfast/contracts';
import {
  hasRole,
  isIdempotencyKey,
  markReplayed,
  problem,
  requestHash,
  sendProblem,
  type ShortHandler,
  type TokenVerifier,
} from '@holdfast/http';
import { Overloaded } from '@holdfast/inventory';
import type { FastifyRequest } from 'fastify';
import { v7 as newId } from 'uuid';
import { toBody } from './hold-body';
import type { HoldTaking } from './hold-taking';
import { refusalProblem } from './refusal';

/** As the ids are made and written; any other spelling is for the controller to understand or refuse. */
const EVENT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** `HoldController.create` for a request as it should be. Nothing is refused here that the controller could refuse. */
export function shortHoldRoute(taking: Pick<HoldTaking, 'take'>, tokens: TokenVerifier): ShortHandler {
  return async (request, reply) => {
    const { eventId } = request.params as { eventId: string };
    const key = request.headers['idempotency-key'];
    const seatIds = seatsOf(request);
    if (!seatIds || !EVENT_ID.test(eventId) || !isIdempotencyKey(key)) return false;
    const caller = await tokens.verify(request.headers.authorization).catch(() => undefined);
    if (!caller || !hasRole(caller, ['buyer'])) return false;

    const bodyHash = requestHash({ seats: seatIds });
    const hold = { holdId: newId(), buyerId: caller.id, key, bodyHash, seatIds };
    const outcome = await taking.take(eventId, hold).catch((error: unknown) => {
      throw error instanceof Overloaded ? problem('overloaded') : error;
    });
    if (outcome.outcome !== 'held') {
      sendProblem(reply, refusalProblem(outcome));
      return true;
    }
    markReplayed(reply, outcome.replayed);
    void reply
      .status(201)
      .header('location', `/v1/events/${eventId}/holds/${outcome.hold.holdId}`)
      .send(toBody(outcome.hold, outcome.serverTime));
    return true;
  };
}

/** The seats of a body that holds nothing else, or undefined. */
function seatsOf({ body }: FastifyRequest): string[] | undefined {
  if (typeof body !== 'object' || body === null || !('seats' in body) || Object.keys(body).length > 1) return undefined;
  const { seats } = body;
  if (!Array.isArray(seats) || seats.length === 0 || seats.length > SEATS_PER_HOLD_MAX) return undefined;
  const isOrdinary = seats.every(isSeatId) && (seats.length === 1 || new Set(seats).size === seats.length);
  return isOrdinary ? (seats as string[]) : undefined;
}
