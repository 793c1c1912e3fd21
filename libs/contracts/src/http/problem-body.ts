import { ApiProperty } from '@nestjs/swagger';

/** Every error of the HTTP interface (RFC 9457). Some codes carry further members, as their route documents. */
export class ProblemBody {
  @ApiProperty({ format: 'uri', example: 'https://holdfast.dev/problems/seats-taken' })
  type!: string;

  @ApiProperty({ example: 'At least one of the seats is taken' })
  title!: string;

  @ApiProperty({ type: 'integer', example: 409 })
  status!: number;

  @ApiProperty({ description: 'Stable; decide by this', example: 'seats-taken' })
  code!: string;

  @ApiProperty({ required: false, description: 'A sentence for people' })
  detail?: string;

  @ApiProperty({
    required: false,
    description: 'With `validation-failed`: what is wrong, and where',
    type: 'array',
    items: {
      type: 'object',
      required: ['path', 'message'],
      properties: { path: { type: 'string', example: 'seats[2]' }, message: { type: 'string' } },
    },
  })
  errors?: { path: string; message: string }[];

  @ApiProperty({
    required: false,
    description: 'With `seats-taken` and `seats-not-blocked`: the seats that stood in the way',
    type: 'array',
    items: {
      type: 'object',
      required: ['seatId', 'state'],
      properties: {
        seatId: { type: 'string' },
        state: { type: 'string', enum: ['available', 'held', 'booked', 'blocked'] },
        heldByYou: { type: 'boolean', description: 'The caller has it, by another request' },
      },
    },
  })
  seats?: { seatId: string; state: string; heldByYou?: boolean }[];

  @ApiProperty({ required: false, type: [String], description: 'With `unknown-seats` and `duplicate-seats`' })
  seatIds?: string[];

  @ApiProperty({
    required: false,
    type: 'integer',
    description:
      'With `too-many-seats`, `buyer-limit`, `no-extensions-left` and `endpoint-limit`: how many there may be',
  })
  limit?: number;

  @ApiProperty({ required: false, type: 'integer', description: 'With `buyer-limit`: seats the buyer has' })
  holding?: number;

  @ApiProperty({ required: false, format: 'date-time', description: 'With `not-on-sale`' })
  onSaleFrom?: string;

  @ApiProperty({
    required: false,
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'With `not-on-sale`',
  })
  onSaleUntil?: string | null;

  @ApiProperty({ required: false, description: 'With `not-on-sale`: the organiser has ended the sale' })
  closed?: boolean;

  @ApiProperty({ required: false, format: 'date-time', description: 'With `hold-expired`: when it ran out' })
  expiredAt?: string;

  @ApiProperty({ required: false, description: 'With `hold-ended`: how', example: 'released' })
  state?: string;

  @ApiProperty({ required: false, type: 'integer', description: 'With `stale-version`: the present one' })
  version?: number;

  @ApiProperty({ required: false, description: 'With `card-declined`: the reason the provider gave' })
  reason?: string;

  @ApiProperty({
    required: false,
    format: 'uuid',
    description: 'Where a payment was begun: its id, by which it can be read',
  })
  paymentId?: string;

  @ApiProperty({ required: false, type: 'integer', description: 'With `unknown-seq`: the last one there is' })
  lastSeq?: number;
}
