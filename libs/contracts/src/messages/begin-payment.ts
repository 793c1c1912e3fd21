import { Equals, IsBoolean, IsIn } from 'class-validator';
import { LATE_PAYMENTS, type LatePayment } from '../late-payment';
import { MayBeAbsent } from '../presence';
import { AmountMinor, BuyerId, Counter, Currency, Id, ListOf, SeatId, SEATS_PER_MESSAGE_MAX, Time } from './fields';

export const BEGIN_PAYMENT_REFUSALS = [
  'unknown-hold',
  'expired',
  'ended',
  'stale-version',
  'payment-in-progress',
] as const;

export class SeatPrice {
  @SeatId() seatId!: string;
  @AmountMinor() priceMinor!: number;
}

/** The hold may be paid by this attempt: what to charge, until when, and the version under which `book` is fenced. */
export class PaymentBegun {
  @Equals('begun') outcome!: 'begun';
  /** Whether this attempt had begun before: the answer is the same as then, except `serverTime`. */
  @IsBoolean() replayed!: boolean;
  @Counter() version!: number;
  /** The pay grace included, where it was given: the same that the buyer reads on the hold. */
  @Time() deadline!: string;
  @AmountMinor() amountMinor!: number;
  @Currency() currency!: string;
  /** Their prices sum to the amount. */
  @ListOf(SeatPrice, SEATS_PER_MESSAGE_MAX) seats!: SeatPrice[];
  /** What the event does with money that comes too late. */
  @IsIn(LATE_PAYMENTS) latePayment!: LatePayment;
  @Time() serverTime!: string;
}

export class BeginPaymentRefused {
  @Equals('refused') outcome!: 'refused';
  @IsIn(BEGIN_PAYMENT_REFUSALS) reason!: (typeof BEGIN_PAYMENT_REFUSALS)[number];
  /** When the hold ran out. */
  @MayBeAbsent() @Time() deadline?: string;
}

export type BeginPaymentReply = PaymentBegun | BeginPaymentRefused;

/** Asks whether a hold may be paid now, and fences it for one attempt. */
export class BeginPayment {
  static readonly messageName = 'begin-payment.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'begin-payment.v1';
  static readonly sentWhen = 'A payment attempt was recorded, before the provider hears of it.';
  static readonly routingKey = (): string => 'begin-payment.v1';
  static readonly replies = { begun: PaymentBegun, refused: BeginPaymentRefused };
  static readonly example: BeginPayment = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    holdId: '01936f2e-0000-7000-8000-000000000002',
    attemptId: '01936f2e-0000-7000-8000-000000000004',
    buyerId: 'buyer-7',
    version: 1,
  };
  static readonly replyExamples: BeginPaymentReply[] = [
    {
      outcome: 'begun',
      replayed: false,
      version: 2,
      deadline: '2026-11-23T20:11:00.000Z',
      amountMinor: 9_000,
      currency: 'EUR',
      seats: [
        { seatId: 'A-12-7', priceMinor: 4_500 },
        { seatId: 'A-12-8', priceMinor: 4_500 },
      ],
      latePayment: 'void',
      serverTime: '2026-11-23T20:05:00.000Z',
    },
    { outcome: 'refused', reason: 'expired', deadline: '2026-11-23T20:04:00.000Z' },
  ];

  @Id() eventId!: string;
  @Id() holdId!: string;
  @Id() attemptId!: string;
  @BuyerId() buyerId!: string;
  /** The hold's version the buyer saw: a newer one is refused. */
  @MayBeAbsent() @Counter() version?: number;
}
