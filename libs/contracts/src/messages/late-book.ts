import { Equals, IsBoolean } from 'class-validator';
import { Id, Reason, SeatIds, Time } from './fields';

/** The same seats are the buyer's again, under a new hold: capture. */
export class SeatsBookedLate {
  @Equals('booked') outcome!: 'booked';
  @IsBoolean() replayed!: boolean;
  /** The hold the attempt has its seats by: the new one of the first command that was answered so. */
  @Id() holdId!: string;
  @SeatIds() seatIds!: string[];
  @Time() serverTime!: string;
}

/** Recorded for the attempt: neither `book` nor `late-book` of it can win any more, so the money may be given back. */
export class LateBookRefused {
  @Equals('refused') outcome!: 'refused';
  /**
   * `not-allowed` by the event, `not-on-sale`, `seats-taken`, `buyer-limit`; `not-expired` or `ended` otherwise than by its
   * deadline: the old hold; `unknown-hold`, `not-begun`, `hold-id-used`, `unbooked`: no late payment of this attempt.
   */
  @Reason() reason!: string;
}

export type LateBookReply = SeatsBookedLate | LateBookRefused;

/** The fence's second chance: the seats of a hold that ran out, for the attempt that began on it, if all are free. */
export class LateBook {
  static readonly messageName = 'late-book.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'late-book.v1';
  static readonly sentWhen =
    'The fence refused an attempt because its hold ran out, and its event takes the same seats if they are free.';
  static readonly routingKey = (): string => 'late-book.v1';
  static readonly replies = { booked: SeatsBookedLate, refused: LateBookRefused };
  static readonly example: LateBook = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    holdId: '01936f2e-0000-7000-8000-000000000002',
    attemptId: '01936f2e-0000-7000-8000-000000000004',
    newHoldId: '01936f2e-0000-7000-8000-000000000005',
  };
  static readonly replyExamples: LateBookReply[] = [
    {
      outcome: 'booked',
      replayed: false,
      holdId: '01936f2e-0000-7000-8000-000000000005',
      seatIds: ['A-12-7', 'A-12-8'],
      serverTime: '2026-11-23T20:12:30.000Z',
    },
    { outcome: 'refused', reason: 'seats-taken' },
  ];

  @Id() eventId!: string;
  /** The hold that ran out. */
  @Id() holdId!: string;
  @Id() attemptId!: string;
  /** The hold to make, a UUID never used before; the same in every repeat. */
  @Id() newHoldId!: string;
}
