import { ApiProperty } from '@nestjs/swagger';
import { LATE_PAYMENTS, type LatePayment } from '../late-payment';

export class CategoryBody {
  @ApiProperty({ example: 'Stalls' })
  name!: string;

  @ApiProperty({ example: '#7fb069' })
  color!: string;

  @ApiProperty({ type: 'integer', description: 'In minor units of the currency', example: 4500 })
  priceMinor!: number;
}

export class SaleBody {
  @ApiProperty({ format: 'date-time' })
  startsAt!: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  endsAt!: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'When the organiser closed the sale' })
  closedAt!: string | null;

  @ApiProperty({ type: 'integer' })
  holdSeconds!: number;

  @ApiProperty({ type: 'integer' })
  holdSecondsMax!: number;

  @ApiProperty({ type: 'integer' })
  extensionsMax!: number;

  @ApiProperty({ type: 'integer' })
  seatsPerHoldMax!: number;

  @ApiProperty({ type: 'integer' })
  seatsPerBuyerMax!: number;

  @ApiProperty({ type: 'integer' })
  payGraceSeconds!: number;

  @ApiProperty({ enum: LATE_PAYMENTS, description: 'What becomes of a payment that comes after its hold ran out' })
  latePayment!: LatePayment;
}

export class EventBody {
  @ApiProperty({ format: 'uuid' })
  eventId!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'ISO 4217', example: 'EUR' })
  currency!: string;

  @ApiProperty({ type: 'integer', example: 50_000 })
  seatCount!: number;

  @ApiProperty({ type: [CategoryBody], description: 'In the order of the plan' })
  categories!: CategoryBody[];

  @ApiProperty({ type: SaleBody })
  sale!: SaleBody;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;
}

export class SeatCountsBody {
  @ApiProperty({ type: 'integer' })
  available!: number;

  @ApiProperty({ type: 'integer' })
  held!: number;

  @ApiProperty({ type: 'integer' })
  booked!: number;

  @ApiProperty({ type: 'integer' })
  blocked!: number;
}

export class EventWithCountsBody extends EventBody {
  @ApiProperty({ type: SeatCountsBody })
  counts!: SeatCountsBody;

  @ApiProperty({ format: 'date-time', description: 'When this answer was given, by the clock that decides' })
  serverTime!: string;
}

export class EventListBody {
  @ApiProperty({ type: [EventBody], description: 'Newest first' })
  events!: EventBody[];

  @ApiProperty({ format: 'date-time', description: 'When this answer was given, by the clock that decides' })
  serverTime!: string;
}
