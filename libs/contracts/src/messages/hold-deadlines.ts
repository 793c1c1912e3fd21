import { Id, Ids, Time } from './fields';

/** Holds committed together share a deadline and fit in one timer: 20,000 due at once are then tens of messages. */
export const HOLDS_PER_TIMER_MAX = 1_000;

/** Holds of one event that run out at the same time: when this arrives at or after `deadline`, look at them. */
export class HoldDeadlines {
  static readonly messageName = 'hold-deadlines.v1';
  static readonly kind = 'timer';
  static readonly exchange = 'holdfast.timers';
  static readonly bindingKey = 'hold-deadlines.v1';
  static readonly sentWhen = 'A batch of holds was committed. One message for each deadline in the batch.';
  static readonly routingKey = (): string => 'hold-deadlines.v1';
  static readonly example: HoldDeadlines = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    deadline: '2026-11-23T20:10:00.000Z',
    holdIds: ['01936f2e-0000-7000-8000-000000000002', '01936f2e-0000-7000-8000-000000000003'],
  };

  @Id() eventId!: string;
  @Time() deadline!: string;
  @Ids(HOLDS_PER_TIMER_MAX) holdIds!: string[];
}
