import { Equals, IsBoolean } from 'class-validator';
import { Counter, Id, Reason, SeatIds, Time } from './fields';

/** The seats are the buyer's: capture. */
export class SeatsBooked {
  @Equals('booked') outcome!: 'booked';
  @IsBoolean() replayed!: boolean;
  @Counter() version!: number;
  @SeatIds() seatIds!: string[];
  @Time() serverTime!: string;
}

/** Recorded for the attempt: a repeat finds the same refusal, so the authorisation may be voided. */
export class BookRefused {
  @Equals('refused') outcome!: 'refused';
  @Reason() reason!: string;
}

export type BookReply = SeatsBooked | BookRefused;

/** The fence: books the hold's seats for an authorised attempt, or refuses it for good. */
export class Book {
  static readonly messageName = 'book.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'book.v1';
  static readonly sentWhen = 'The provider has authorised the payment, before it is captured.';
  static readonly routingKey = (): string => 'book.v1';
  static readonly replies = { booked: SeatsBooked, refused: BookRefused };
  static readonly example: Book = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    holdId: '01936f2e-0000-7000-8000-000000000002',
    attemptId: '01936f2e-0000-7000-8000-000000000004',
    version: 2,
  };
  static readonly replyExamples: BookReply[] = [
    {
      outcome: 'booked',
      replayed: false,
      version: 3,
      seatIds: ['A-12-7', 'A-12-8'],
      serverTime: '2026-11-23T20:05:02.000Z',
    },
    { outcome: 'refused', reason: 'expired' },
  ];

  @Id() eventId!: string;
  @Id() holdId!: string;
  @Id() attemptId!: string;
  /** The version `begin-payment` answered. */
  @Counter() version!: number;
}
