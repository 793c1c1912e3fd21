import { HOLDS_PER_TIMER_MAX } from '@holdfast/contracts';

/** Holds, or what stands for them, of one event and deadline. */
export interface TimerGroup<Held> {
  eventId: string;
  /** Milliseconds since the epoch. */
  deadline: number;
  /** In the order in which they came, at most as many as one message carries. */
  held: Held[];
}

/** Puts together what is of one event and deadline, as a message would bring it. */
export function inTimerGroups<Held>(
  all: Iterable<Held>,
  timerOf: (held: Held) => { eventId: string; deadline: number },
): TimerGroup<Held>[] {
  const groups: TimerGroup<Held>[] = [];
  const open = new Map<string, TimerGroup<Held>>();
  for (const held of all) {
    const { eventId, deadline } = timerOf(held);
    const key = `${eventId} ${deadline}`;
    let group = open.get(key);
    if (!group || group.held.length === HOLDS_PER_TIMER_MAX) {
      group = { eventId, deadline, held: [] };
      open.set(key, group);
      groups.push(group);
    }
    group.held.push(held);
  }
  return groups;
}
