import {
  CreateWebhookEndpointBody,
  ReplayWebhookBody,
  SeatsChangedWebhook,
  WebhookAttemptListBody,
  WebhookEndpointBody,
  WebhookEndpointCreatedBody,
  WebhookEndpointListBody,
  WebhookSecretBody,
} from '@holdfast/contracts';
import {
  ApiIdempotencyKey,
  ApiProblems,
  Caller,
  IdempotencyKey,
  markReplayed,
  PathId,
  problem,
  requestHash,
  Roles,
  type Identity,
} from '@holdfast/http';
import { isEventOf } from '@holdfast/inventory';
import { Body, Controller, Delete, Get, HttpCode, Post, Res } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCallbacks,
  ApiCreatedResponse,
  ApiExtraModels,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { v7 as newId } from 'uuid';
import { listAttempts } from './deliveries';
import { attemptBody, createdBody, endpointBody } from './endpoint-body';
import {
  createEndpoint,
  deleteEndpoint,
  enableEndpoint,
  ENDPOINTS_PER_EVENT_MAX,
  listEndpoints,
  pauseEndpoint,
  readEndpoint,
  replayFrom,
  rotateSecret,
  wasCreated,
  type Endpoint,
} from './endpoints';
import { secretOf } from './signing';
import { Webhooks } from './webhooks';

/** A resolver that takes longer keeps the organiser waiting for nothing. */
const RESOLVE_WITHIN_MS = 5_000;
const FIRST_GENERATION = 1;

const EventId = () => PathId('eventId', 'unknown-event');
const EndpointId = () => PathId('endpointId', 'unknown-endpoint');

/** Where an event's organiser wants to be told of its seats. An event of somebody else is as unknown as none. */
@ApiTags('webhooks')
@ApiBearerAuth()
@ApiExtraModels(SeatsChangedWebhook)
@Roles('organiser')
@ApiProblems('unknown-event', 'unauthorised', 'forbidden')
@Controller('v1/events/:eventId/webhook-endpoints')
export class WebhookEndpointController {
  constructor(private readonly webhooks: Webhooks) {}

  @Post()
  @ApiOperation({
    summary: 'Have the changes of the event’s seats posted to an address',
    description: 'From now on; `replay` fetches what was before. See docs/webhooks.md for how to receive.',
  })
  @ApiIdempotencyKey()
  @ApiCreatedResponse({ type: WebhookEndpointCreatedBody })
  @ApiCallbacks({
    name: 'seats.changed',
    callbackUrl: '{$request.body#/url}',
    method: 'post',
    requestBody: { type: SeatsChangedWebhook },
    expectedResponse: { status: 204 },
  })
  @ApiProblems(
    'unknown-event',
    'unknown-endpoint',
    'endpoint-limit',
    'validation-failed',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async create(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @IdempotencyKey() key: string,
    @Body() body: CreateWebhookEndpointBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookEndpointCreatedBody> {
    await this.requireOwn(eventId, caller);
    const { database, keys } = this.webhooks;
    const { url } = body;
    const kinds = body.kinds ?? null;
    // A repeat is answered as before, wherever the name leads by now.
    if (!(await wasCreated(database, { eventId, key }))) await this.requireAllowed(url);
    const request = { eventId, endpointId: newId(), key, bodyHash: requestHash({ url, kinds }), url, kinds };
    const created = await createEndpoint(database, request);
    switch (created.outcome) {
      case 'key-reused':
        throw problem('idempotency-key-reused');
      case 'endpoint-limit':
        throw problem('endpoint-limit', { limit: ENDPOINTS_PER_EVENT_MAX });
      case 'unknown-endpoint':
        throw problem('unknown-endpoint', { detail: 'This request made an endpoint that was deleted since.' });
      case 'created': {
        const { endpointId } = created.endpoint;
        markReplayed(reply, created.replayed);
        void reply.header('location', `/v1/events/${eventId}/webhook-endpoints/${endpointId}`);
        return createdBody(created.endpoint, secretOf(keys.current, endpointId, FIRST_GENERATION));
      }
    }
  }

  @Get()
  @ApiOperation({ summary: 'The event’s endpoints' })
  @ApiOkResponse({ type: WebhookEndpointListBody })
  async list(@Caller() caller: Identity, @EventId() eventId: string): Promise<WebhookEndpointListBody> {
    await this.requireOwn(eventId, caller);
    return { endpoints: (await listEndpoints(this.webhooks.database, eventId)).map(endpointBody) };
  }

  @Get(':endpointId')
  @ApiOperation({ summary: 'An endpoint: its state, how far it was told, what went wrong last' })
  @ApiOkResponse({ type: WebhookEndpointBody })
  @ApiProblems('unknown-event', 'unknown-endpoint', 'unauthorised', 'forbidden')
  async read(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
  ): Promise<WebhookEndpointBody> {
    await this.requireOwn(eventId, caller);
    return known(await readEndpoint(this.webhooks.database, eventId, endpointId));
  }

  @Get(':endpointId/attempts')
  @ApiOperation({ summary: 'The last requests that were made to it' })
  @ApiOkResponse({ type: WebhookAttemptListBody })
  @ApiProblems('unknown-event', 'unknown-endpoint', 'unauthorised', 'forbidden')
  async attempts(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
  ): Promise<WebhookAttemptListBody> {
    await this.requireOwn(eventId, caller);
    known(await readEndpoint(this.webhooks.database, eventId, endpointId));
    return { attempts: (await listAttempts(this.webhooks.database, eventId, endpointId)).map(attemptBody) };
  }

  @Delete(':endpointId')
  @HttpCode(204)
  @ApiOperation({ summary: 'Forget an endpoint; nothing more is sent to it' })
  @ApiNoContentResponse()
  @ApiProblems('unknown-event', 'unknown-endpoint', 'unauthorised', 'forbidden')
  async remove(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
  ): Promise<void> {
    await this.requireOwn(eventId, caller);
    if (!(await deleteEndpoint(this.webhooks.database, eventId, endpointId))) throw problem('unknown-endpoint');
  }

  @Post(':endpointId/replay')
  @HttpCode(200)
  @ApiOperation({ summary: 'Deliver again from an entry of the ledger on, or go on from a later one' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: WebhookEndpointBody })
  @ApiProblems(
    'unknown-event',
    'unknown-endpoint',
    'unknown-seq',
    'validation-failed',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async replay(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
    @IdempotencyKey() key: string,
    @Body() { fromSeq }: ReplayWebhookBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookEndpointBody> {
    await this.requireOwn(eventId, caller);
    const request = { eventId, endpointId, key, bodyHash: requestHash({ endpointId, fromSeq }) };
    const moved = await replayFrom(this.webhooks.database, request, fromSeq);
    switch (moved.outcome) {
      case 'key-reused':
        throw problem('idempotency-key-reused');
      case 'unknown-endpoint':
        throw problem('unknown-endpoint');
      case 'unknown-seq':
        throw problem('unknown-seq', { lastSeq: moved.lastSeq });
      case 'moved':
        markReplayed(reply, moved.replayed);
        this.webhooks.courier.wake({ eventId, organiserId: caller.id });
        return endpointBody(moved.endpoint);
    }
  }

  @Post(':endpointId/rotate-secret')
  @HttpCode(200)
  @ApiOperation({ summary: 'Sign with a new secret; the one before signs as well for a day' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: WebhookSecretBody })
  @ApiProblems(
    'unknown-event',
    'unknown-endpoint',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'idempotency-key-reused',
    'unauthorised',
    'forbidden',
  )
  async rotateSecret(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
    @IdempotencyKey() key: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookSecretBody> {
    await this.requireOwn(eventId, caller);
    const { database, keys, secretOverlapHours } = this.webhooks;
    const request = { eventId, endpointId, key, bodyHash: requestHash({ endpointId }) };
    const rotated = await rotateSecret(database, request, secretOverlapHours);
    if (rotated.outcome === 'key-reused') throw problem('idempotency-key-reused');
    if (rotated.outcome === 'unknown-endpoint') throw problem('unknown-endpoint');
    markReplayed(reply, rotated.replayed);
    return {
      secret: secretOf(keys.current, endpointId, rotated.secretGeneration),
      previousSignsUntil: rotated.previousSignsUntil.toISOString(),
      serverTime: rotated.serverTime.toISOString(),
    };
  }

  @Post(':endpointId/pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Send nothing more until it is enabled' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: WebhookEndpointBody })
  @ApiProblems(
    'unknown-event',
    'unknown-endpoint',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'unauthorised',
    'forbidden',
  )
  async pause(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
    // Doing it twice is doing it once, so the key decides nothing; it is asked for like on every other POST.
    @IdempotencyKey() _key: string,
  ): Promise<WebhookEndpointBody> {
    await this.requireOwn(eventId, caller);
    return known(await pauseEndpoint(this.webhooks.database, eventId, endpointId));
  }

  @Post(':endpointId/enable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Go on where it was paused, disabled, or waits after a failure' })
  @ApiIdempotencyKey()
  @ApiOkResponse({ type: WebhookEndpointBody })
  @ApiProblems(
    'unknown-event',
    'unknown-endpoint',
    'idempotency-key-required',
    'idempotency-key-invalid',
    'unauthorised',
    'forbidden',
  )
  async enable(
    @Caller() caller: Identity,
    @EventId() eventId: string,
    @EndpointId() endpointId: string,
    @IdempotencyKey() _key: string,
  ): Promise<WebhookEndpointBody> {
    await this.requireOwn(eventId, caller);
    const enabled = known(await enableEndpoint(this.webhooks.database, eventId, endpointId));
    this.webhooks.courier.wake({ eventId, organiserId: caller.id });
    return enabled;
  }

  private async requireOwn(eventId: string, caller: Identity): Promise<void> {
    if (!(await isEventOf(this.webhooks.database, eventId, caller.id))) throw problem('unknown-event');
  }

  private async requireAllowed(url: string): Promise<void> {
    const checked = await this.webhooks.destinations.check(url, RESOLVE_WITHIN_MS);
    if (checked.outcome === 'allowed') return;
    throw problem('validation-failed', { errors: [{ path: 'url', message: `url ${checked.reason}` }] });
  }
}

function known(endpoint: Endpoint | undefined): WebhookEndpointBody {
  if (!endpoint) throw problem('unknown-endpoint');
  return endpointBody(endpoint);
}
