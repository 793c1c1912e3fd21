import { Equals, IsBoolean } from 'class-validator';
import { Id, Reason, SeatIds } from './fields';
import { MayBeAbsent } from './presence';

/** The seats are on sale again. */
export class SeatsUnbooked {
  @Equals('unbooked') outcome!: 'unbooked';
  @IsBoolean() replayed!: boolean;
  @SeatIds() seatIds!: string[];
}

export class UnbookRefused {
  @Equals('refused') outcome!: 'refused';
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
    reason: 'capture-refused',
    seatIds: ['A-12-8'],
  };
  static readonly replyExamples: UnbookReply[] = [
    { outcome: 'unbooked', replayed: false, seatIds: ['A-12-8'] },
    { outcome: 'refused', reason: 'not-booked' },
  ];

  @Id() eventId!: string;
  @Id() holdId!: string;
  @Id() attemptId!: string;
  @Reason() reason!: string;
  /** Only these seats; all of the hold's when left out. */
  @MayBeAbsent() @SeatIds() seatIds?: string[];
}
