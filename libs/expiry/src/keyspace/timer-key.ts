import type { Timer } from '../timer';

/**
 * Timers that are pending, by deadline, under the names of their keys. It knows what Redis forgets to tell: an event that
 * nobody heard is gone, its entry here is not.
 */
export const PENDING_INDEX = 'holdfast:timers:pending';

/** Keeps a key's name below two kilobytes; it is sent as a whole in the event. */
export const HOLDS_PER_KEY_MAX = 50;

const KEY = /^holdfast:timer:\{([0-9a-f-]{36})\}:(\d{1,15}):([0-9a-f,-]+)$/;

/** An expired key's value is gone when its event comes, so the name itself says which holds to look at. */
export function timerKey({ eventId, deadline, holdIds }: Timer): string {
  return `holdfast:timer:{${eventId}}:${deadline.getTime()}:${holdIds.join(',')}`;
}

/** The timer that a key's name tells; undefined for keys of others. */
export function readTimerKey(key: string): Timer | undefined {
  const [, eventId, deadlineMs, holdIds] = KEY.exec(key) ?? [];
  if (!eventId || !deadlineMs || !holdIds) return undefined;
  return { eventId, deadline: new Date(Number(deadlineMs)), holdIds: holdIds.split(',') };
}
