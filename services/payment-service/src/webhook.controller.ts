import { ApiProblems, problem, RawBody } from '@holdfast/http';
import { Body, Controller, Headers, HttpCode, HttpStatus, Post } from '@nestjs/common';
import { ApiHeader, ApiNoContentResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Webhooks } from './webhooks';

@ApiTags('webhooks')
@Controller('v1/webhooks')
export class WebhookController {
  constructor(private readonly webhooks: Webhooks) {}

  @Post('stripe')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RawBody()
  @ApiOperation({
    summary: 'What the payment provider tells',
    description:
      'An event of Stripe, with its signature over the bytes of the body. It is stored, and says where to look: what has ' +
      'happened is read from the provider. Repeats, and types of event nobody knows here, are answered like the others. ' +
      'A signed event of a known type whose content cannot be right is refused with all its faults; sent again it would ' +
      'be no better.',
  })
  @ApiHeader({ name: 'Stripe-Signature', required: true })
  @ApiNoContentResponse({ description: 'Stored. 5xx means: send it again' })
  @ApiProblems('invalid-signature', 'malformed-request', 'unavailable')
  async stripe(@Headers('stripe-signature') signature: string | undefined, @Body() body: unknown): Promise<void> {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const received = await this.webhooks.receive(bytes, signature);
    if (typeof received !== 'object') return;
    if ('refused' in received) throw problem('invalid-signature', { detail: received.refused });
    throw problem('malformed-request', { detail: 'The event cannot be right.', errors: received.malformed });
  }
}
