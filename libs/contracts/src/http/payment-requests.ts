import { ApiProperty } from '@nestjs/swagger';
import { IsString, IsUUID, Matches } from 'class-validator';
import { SeenVersion } from './seen-version';

/** The amount is the hold's: a body that names one is refused. */
export class PayBody {
  @ApiProperty({ format: 'uuid' })
  @IsUUID('all')
  eventId!: string;

  @ApiProperty({ format: 'uuid' })
  @IsUUID('all')
  holdId!: string;

  @SeenVersion()
  version?: number;

  @ApiProperty({ description: "The id of the provider's payment method, never a card number", example: 'pm_card_visa' })
  @IsString()
  @Matches(/^pm_\w{1,200}$/, { message: 'paymentMethod must be the id of a payment method, pm_...' })
  paymentMethod!: string;
}
