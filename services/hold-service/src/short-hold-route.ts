import { isSeatId, SEATS_PER_HOLD_MAX } from '@holdfast/contracts';
import { hasRole, isIdempotencyKey, REPLAYED_HEADER, type ShortHandler, type TokenVerifier } from '@holdfast/http';
import { toBody } from './hold-body';
import type { HoldTaking } from './hold-taking';
import { refusalProblem } from './refusal';
import { takeHold } from './take-hold';

/** The route's path, the event's id as ids are made and written; any other spelling is the controller's to understand. */
export const HOLDS_PATH =
  /^\/v1\/events\/([0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})\/holds$/;

/** `HoldController.create` for a request as it should be. Nothing is refused here that the controller could refuse. */
export function shortHoldRoute(taking: Pick<HoldTaking, 'take'>, tokens: TokenVerifier): ShortHandler {
  return async ({ params: [eventId = ''], headers, body }) => {
    const key = headers['idempotency-key'];
    const seats = seatsOf(body);
    if (!seats || !isIdempotencyKey(key)) return undefined;
    const caller = await tokens.verify(headers.authorization).catch(() => undefined);
    if (!caller || !hasRole(caller, ['buyer'])) return undefined;

    const outcome = await takeHold(taking, eventId, caller.id, key, { seats });
    if (outcome.outcome !== 'held') return refusalProblem(outcome);
    return {
      status: 201,
      headers: {
        location: `/v1/events/${eventId}/holds/${outcome.hold.holdId}`,
        ...(outcome.replayed && { [REPLAYED_HEADER]: 'true' }),
      },
      body: toBody(outcome.hold, outcome.serverTime),
    };
  };
}

/** The seats of a body that holds nothing else, or undefined. */
function seatsOf(body: unknown): string[] | undefined {
  if (typeof body !== 'object' || body === null || !('seats' in body) || Object.keys(body).length > 1) return undefined;
  const { seats } = body;
  if (!Array.isArray(seats) || seats.length === 0 || seats.length > SEATS_PER_HOLD_MAX) return undefined;
  const isOrdinary = seats.every(isSeatId) && (seats.length === 1 || new Set(seats).size === seats.length);
  return isOrdinary ? (seats as string[]) : undefined;
}
