import { Equals, IsBoolean } from 'class-validator';
import { MayBeAbsent } from '../presence';
import { Id, Reason, SeatIds } from './fields';

/** These seats are on sale again; the hold keeps the others, and ends with its last. */
export class SeatsUnbooked {
  @Equals('unbooked') outcome!: 'unbooked';
  @IsBoolean() replayed!: boolean;
  @SeatIds() seatIds!: string[];
}

/** Nothing was changed, and a repeat is refused alike: a seat given back is never the hold's again. */
export class UnbookRefused {
  @Equals('refused') outcome!: 'refused';
  /** `not-booked` by this attempt, `foreign-seats`, `already-unbooked`, `refund-id-used` for another request. */
  @Reason() reason!: string;
}

export type UnbookReply = SeatsUnbooked | UnbookRefused;

/** Gives booked seats back: the capture was refused for good, or the seats were refunded. */
export class Unbook {
  static readonly messageName = 'unbook.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'unbook.v1';
  static readonly sentWhen = 'A booked attempt could not be captured, or its seats were refunded.';
  static readonly routingKey = (): string => 'unbook.v1';
  static readonly replies = { unbooked: SeatsUnbooked, refused: UnbookRefused };
  static readonly example: Unbook = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    holdId: '01936f2e-0000-7000-8000-000000000002',
    attemptId: '01936f2e-0000-7000-8000-000000000004',
    refundId: '01936f2e-0000-7000-8000-000000000006',
    reason: 'refunded',
    seatIds: ['A-12-8'],
  };
  static readonly replyExamples: UnbookReply[] = [
    { outcome: 'unbooked', replayed: false, seatIds: ['A-12-8'] },
    { outcome: 'refused', reason: 'already-unbooked' },
  ];

  @Id() eventId!: string;
  @Id() holdId!: string;
  @Id() attemptId!: string;
  /** Which refund gives the seats back: its repeat is answered alike. Left out when the attempt's capture was refused. */
  @MayBeAbsent() @Id() refundId?: string;
  /** Stands in the ledger: `refunded`, `capture-refused`. */
  @Reason() reason!: string;
  /** Only these seats; all that the hold still has when left out. */
  @MayBeAbsent() @SeatIds() seatIds?: string[];
}
