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
      'happened is read from the provider. Repeats, and kinds of event nobody knows here, are answered like the others.',
  })
  @ApiHeader({ name: 'Stripe-Signature', required: true })
  @ApiNoContentResponse({ description: 'Stored. Anything else means: send it again' })
  @ApiProblems('invalid-signature', 'unavailable')
  async stripe(@Headers('stripe-signature') signature: string | undefined, @Body() body: unknown): Promise<void> {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const received = await this.webhooks.receive(bytes, signature);
    if (typeof received === 'object') throw problem('invalid-signature', { detail: received.refused });
  }
}
