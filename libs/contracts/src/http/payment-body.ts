import { ApiProperty } from '@nestjs/swagger';
import { RefundBody } from './refund-body';

const PAYMENT_STATES = [
  'pending',
  'requires-action',
  'captured',
  'declined',
  'voided',
  'returned',
  'capture-failed',
  'refused',
] as const;

/** What the payer has to do, and what the client needs for it. */
export class PaymentActionBody {
  @ApiProperty({ nullable: true, type: String, description: 'Where to send the payer, if a page is all it takes' })
  url!: string | null;

  @ApiProperty({ nullable: true, type: String, description: "For the provider's own client library; keep it secret" })
  clientSecret!: string | null;
}

const PAYMENT_SEAT_STATES = ['pending', 'booked', 'lost', 'refunding', 'refunded', 'refund-failed'] as const;

/** One seat of a payment, and where it stands. */
export class PaymentSeatBody {
  @ApiProperty({ example: 'St-A-1' })
  seatId!: string;

  @ApiProperty({ type: 'integer', description: 'In minor units', example: 4500 })
  priceMinor!: number;

  @ApiProperty({
    enum: PAYMENT_SEAT_STATES,
    description:
      '`booked`: the buyer’s. `lost`: not the buyer’s by this payment. `refunding`: being given back. `refund-failed`: ' +
      'given up, but the money could not be returned, or the other way round; the seller has been told',
  })
  state!: (typeof PAYMENT_SEAT_STATES)[number];
}

/** A payment as its buyer sees it. The seats are the buyer's, for good, when it is `captured`. */
export class PaymentBody {
  @ApiProperty({ format: 'uuid' })
  paymentId!: string;

  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty({ format: 'uuid' })
  holdId!: string;

  @ApiProperty({
    enum: PAYMENT_STATES,
    description:
      '`pending`: goes on by itself. `declined`: the card was not charged, the hold lives on. `voided`: not charged, ' +
      '`reason` says why. `returned`: charged, and lost its seats, so that all of it is refunded. `capture-failed`: not charged, the seats were given back. `refused`: never asked of the provider.',
  })
  state!: (typeof PAYMENT_STATES)[number];

  @ApiProperty({ required: false, description: 'Why it did not succeed', example: 'insufficient-funds' })
  reason?: string;

  @ApiProperty({ required: false, description: 'In minor units', example: 9000 })
  amountMinor?: number;

  @ApiProperty({ required: false, description: 'ISO 4217', example: 'EUR' })
  currency?: string;

  @ApiProperty({ required: false, type: [String], example: ['St-A-1', 'St-A-2'] })
  seatIds?: string[];

  @ApiProperty({ required: false, type: [PaymentSeatBody] })
  seats?: PaymentSeatBody[];

  @ApiProperty({
    required: false,
    format: 'uuid',
    description: 'The hold paid ran out; the same seats were still free and are the buyer’s by this one',
  })
  lateHoldId?: string;

  @ApiProperty({ type: 'integer', description: 'Given back so far, in minor units', example: 0 })
  refundedMinor!: number;

  @ApiProperty({ type: [RefundBody] })
  refunds!: RefundBody[];

  @ApiProperty({ required: false, format: 'date-time', description: "The hold's deadline while it is being paid" })
  expiresAt?: string;

  @ApiProperty({ required: false, description: 'With `requires-action`' })
  nextAction?: PaymentActionBody;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time', description: 'When this answer was given' })
  serverTime!: string;
}
