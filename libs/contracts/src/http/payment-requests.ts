import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, IsUUID, Matches, Max, Min } from 'class-validator';
import { VERSION_MAX } from './queries';

/** The amount is the hold's: a body that names one is refused. */
export class PayBody {
  @ApiProperty({ format: 'uuid' })
  @IsUUID('all')
  eventId!: string;

  @ApiProperty({ format: 'uuid' })
  @IsUUID('all')
  holdId!: string;

  @ApiProperty({
    required: false,
    minimum: 1,
    description: 'The version of the hold seen; refused when it has changed since',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(VERSION_MAX)
  version?: number;

  @ApiProperty({ description: "The id of the provider's payment method, never a card number", example: 'pm_card_visa' })
  @IsString()
  @Matches(/^pm_\w{1,200}$/, { message: 'paymentMethod must be the id of a payment method, pm_...' })
  paymentMethod!: string;
}
