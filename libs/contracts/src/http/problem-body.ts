import { ApiProperty } from '@nestjs/swagger';

/** Every error of the HTTP interface (RFC 9457). Some codes carry further members, as their route documents. */
export class ProblemBody {
  @ApiProperty({ format: 'uri', example: 'https://holdfast.dev/problems/seats-taken' })
  type!: string;

  @ApiProperty({ example: 'At least one of the seats is taken' })
  title!: string;

  @ApiProperty({ example: 409 })
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
}
