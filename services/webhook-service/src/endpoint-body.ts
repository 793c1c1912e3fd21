import type { WebhookAttemptBody, WebhookEndpointBody, WebhookEndpointCreatedBody } from '@holdfast/contracts';
import type { LoggedAttempt } from './deliveries';
import type { Endpoint } from './endpoints';

/** An endpoint as it is now, without its secret. */
export function endpointBody(endpoint: Endpoint): WebhookEndpointBody {
  const { lastFailure, lastFailureAt, disabledReason, failures, state } = endpoint;
  return {
    ...identityOf(endpoint),
    state,
    disabledReason: disabledReason ?? undefined,
    deliveredSeq: endpoint.deliveredSeq,
    lastSeq: endpoint.lastSeq,
    lastDeliveredAt: endpoint.lastDeliveredAt?.toISOString(),
    failures,
    lastFailure: lastFailure && lastFailureAt ? { at: lastFailureAt.toISOString(), reason: lastFailure } : undefined,
    nextTryAt: state === 'active' && failures > 0 ? endpoint.nextAt.toISOString() : undefined,
    serverTime: endpoint.serverTime.toISOString(),
  };
}

/** What never changes of it, so that a repeated request is answered alike, and the secret it was made with. */
export function createdBody(endpoint: Endpoint, secret: string): WebhookEndpointCreatedBody {
  return { ...identityOf(endpoint), secret, serverTime: endpoint.serverTime.toISOString() };
}

export function attemptBody(attempt: LoggedAttempt): WebhookAttemptBody {
  return { ...attempt, at: attempt.at.toISOString() };
}

function identityOf({ endpointId, eventId, url, kinds, createdAt }: Endpoint) {
  return { endpointId, eventId, url, kinds, createdAt: createdAt.toISOString() };
}
