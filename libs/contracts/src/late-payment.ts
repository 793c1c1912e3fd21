/**
 * What an event does with money that was set aside too late for its hold: gives it back, or takes the same seats for the
 * payer where they are still free.
 */
export const LATE_PAYMENTS = ['void', 'same-seats-if-free'] as const;
export type LatePayment = (typeof LATE_PAYMENTS)[number];
