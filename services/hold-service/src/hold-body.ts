import type { HoldBody } from '@holdfast/contracts';
import type { Hold } from '@holdfast/inventory';

/** A hold as its own buyer sees it: others never see it, and it never names its buyer. */
export function toBody(hold: Hold, serverTime: Date): HoldBody {
  return {
    holdId: hold.holdId,
    eventId: hold.eventId,
    ...(hold.replacesHoldId && { replacesHoldId: hold.replacesHoldId }),
    state: hold.state,
    version: hold.version,
    seats: hold.seats,
    amountMinor: hold.amountMinor,
    currency: hold.currency,
    expiresAt: hold.deadline.toISOString(),
    extensionsLeft: hold.extensionsLeft,
    createdAt: hold.createdAt.toISOString(),
    serverTime: serverTime.toISOString(),
  };
}
