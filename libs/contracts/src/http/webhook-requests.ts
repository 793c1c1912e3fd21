import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsIn, IsInt, IsString, Length, Matches, Max, Min } from 'class-validator';
import { EachOnce } from '../each';
import { LEDGER_KINDS } from '../messages/seats-changed';
import { MayBeAbsent } from '../presence';

const URL_LENGTH_MAX = 2_000;
/** Parsers drop the others, so that the address kept would be another than the one posted to; Postgres takes no NUL. */
const URL_CHARACTERS = /^[^\s\p{C}]+$/u;

export class CreateWebhookEndpointBody {
  @ApiProperty({
    format: 'uri',
    maxLength: URL_LENGTH_MAX,
    description:
      'Where to post: `https`, without credentials and fragment, at port 443 or from 1024 up; every address its name leads to ' +
      'must be public',
    example: 'https://tickets.example.com/holdfast',
  })
  @IsString()
  @Length(1, URL_LENGTH_MAX)
  @Matches(URL_CHARACTERS, { message: 'url must not have white space or control characters' })
  url!: string;

  @ApiProperty({
    required: false,
    enum: LEDGER_KINDS,
    isArray: true,
    description: 'Only entries of these kinds; all unless given',
  })
  @MayBeAbsent()
  @ArrayMinSize(1)
  @ArrayMaxSize(LEDGER_KINDS.length)
  @EachOnce()
  @IsIn(LEDGER_KINDS, { each: true })
  kinds?: (typeof LEDGER_KINDS)[number][];
}

export class ReplayWebhookBody {
  @ApiProperty({
    type: 'integer',
    minimum: 1,
    description: 'The next delivery begins with this entry; at most one beyond the last there is',
  })
  @IsInt()
  @Min(1)
  @Max(Number.MAX_SAFE_INTEGER - 1)
  fromSeq!: number;
}
