import { ApiProperty } from '@nestjs/swagger';
import { MayBeAbsent } from '../presence';
import { SEATS_PER_HOLD_MAX } from './hold-requests';
import { SeatIds } from './seat-ids';

/** The amount is the seats' price: a body that names one is refused. */
export class RefundSeatsBody {
  @ApiProperty({ required: false, description: 'All seats of the payment that are not refunded yet when absent' })
  @MayBeAbsent()
  @SeatIds(SEATS_PER_HOLD_MAX)
  seats?: string[];
}

const REFUND_STATES = ['pending', 'refunded', 'failed', 'refused'] as const;

/** Seats given back, and their price on its way to the buyer. */
export class RefundBody {
  @ApiProperty({ format: 'uuid' })
  refundId!: string;

  @ApiProperty({ format: 'uuid' })
  paymentId!: string;

  @ApiProperty({
    enum: REFUND_STATES,
    description:
      '`pending`: goes on by itself. `failed`: the seats are given back, the provider could not return the money; the ' +
      'seller has been told, and until that is settled all seats of this refund may be asked for again, by another ' +
      'request. `refused`: the seats could not be given back, nothing has changed.',
  })
  state!: (typeof REFUND_STATES)[number];

  @ApiProperty({ required: false, description: 'Why it failed or was refused' })
  reason?: string;

  @ApiProperty({
    type: [String],
    description: 'Empty when the money of a payment that got no seats is given back',
    example: ['St-A-1'],
  })
  seatIds!: string[];

  @ApiProperty({ type: 'integer', description: 'In minor units', example: 4500 })
  amountMinor!: number;

  @ApiProperty({ description: 'ISO 4217', example: 'EUR' })
  currency!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time', description: 'When this answer was given' })
  serverTime!: string;
}
