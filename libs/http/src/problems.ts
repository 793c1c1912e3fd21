/** Every error the HTTP edge can answer: its stable code, its status, and its title. Nothing else decides a status. */
const PROBLEMS = {
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  'malformed-json': { status: 400, title: 'The body is not valid JSON' },
  'idempotency-key-required': { status: 400, title: 'The header Idempotency-Key is required' },
  'idempotency-key-invalid': { status: 400, title: 'The header Idempotency-Key is not valid' },
  'invalid-signature': { status: 400, title: 'The webhook is not known to be from the provider' },
  unauthorised: { status: 401, title: 'A valid bearer token is required' },
  'card-declined': { status: 402, title: 'The card was declined' },
  forbidden: { status: 403, title: 'The token does not carry the role this needs' },
  'not-found': { status: 404, title: 'There is nothing here' },
  'unknown-event': { status: 404, title: 'There is no such event' },
  'unknown-hold': { status: 404, title: 'There is no such hold' },
  'unknown-payment': { status: 404, title: 'There is no such payment' },
  'unknown-endpoint': { status: 404, title: 'The event has no such webhook endpoint' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here' },
  'request-in-progress': { status: 409, title: 'A request with this Idempotency-Key is still running' },
  'seats-taken': { status: 409, title: 'At least one of the seats is taken' },
  'seats-not-blocked': { status: 409, title: 'At least one of the seats is not blocked' },
  'buyer-limit': { status: 409, title: 'The buyer would have more seats than the event allows' },
  'not-on-sale': { status: 409, title: 'The event is not on sale' },
  'stale-version': { status: 409, title: 'The hold has changed since the version named' },
  'payment-in-progress': { status: 409, title: 'A payment of this hold is in progress' },
  'payment-not-captured': { status: 409, title: 'The payment is not captured, so there is nothing to give back' },
  'seats-refunded': { status: 409, title: 'At least one of the seats is given back already' },
  'no-extensions-left': { status: 409, title: 'The hold cannot be extended again' },
  'endpoint-limit': { status: 409, title: 'The event has as many webhook endpoints as it may have' },
  'hold-expired': { status: 410, title: 'The hold ran out' },
  'hold-ended': { status: 410, title: 'The hold has ended' },
  'payload-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  'validation-failed': { status: 422, title: 'The request is not valid' },
  'idempotency-key-reused': { status: 422, title: 'The Idempotency-Key was used with another request' },
  'unknown-seats': { status: 422, title: 'The event has no such seats' },
  'duplicate-seats': { status: 422, title: 'A seat is named more than once' },
  'too-many-seats': { status: 422, title: 'More seats than one request may name' },
  'unknown-seq': { status: 422, title: "The event's ledger has no such entry yet" },
  internal: { status: 500, title: 'Something went wrong on our side' },
  overloaded: { status: 503, title: 'Too much is waiting; try again shortly', retryAfterSeconds: 1 },
  unavailable: { status: 503, title: 'A part this needs is away; try again shortly', retryAfterSeconds: 2 },
} as const satisfies Record<string, ProblemKind>;

interface ProblemKind {
  status: number;
  title: string;
  /** Sent as Retry-After: the same request may succeed then. */
  retryAfterSeconds?: number;
}

export type ProblemCode = keyof typeof PROBLEMS;

/** What a problem may say beyond its code: a sentence for people, and members named by the code's documentation. */
export type ProblemMembers = { detail?: string } & Record<string, unknown>;

const TYPE_PREFIX = 'https://holdfast.dev/problems/';

/** Thrown at the edge; the filter answers it as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  readonly status: number;

  /** @param reason for the log alone, where a detail would tell too much */
  constructor(
    readonly code: ProblemCode,
    readonly members: ProblemMembers = {},
    reason?: string,
  ) {
    super(reason ?? members.detail ?? PROBLEMS[code].title);
    this.name = 'Problem';
    this.status = PROBLEMS[code].status;
  }

  /** The document of RFC 9457. */
  body(): Record<string, unknown> {
    const { title, status } = PROBLEMS[this.code];
    return { type: `${TYPE_PREFIX}${this.code}`, title, status, code: this.code, ...this.members };
  }

  /** What belongs to the answer beside its body: when to come back, how to authenticate, what is allowed. */
  headers(): Record<string, string> {
    const { retryAfterSeconds }: ProblemKind = PROBLEMS[this.code];
    return {
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      ...(this.code === 'unauthorised' && { 'www-authenticate': 'Bearer realm="holdfast"' }),
      ...(Array.isArray(this.members.allow) && { allow: this.members.allow.join(', ') }),
    };
  }
}

/** `throw problem('unknown-hold')`, `throw problem('seats-taken', { seats })`. */
export function problem(code: ProblemCode, members?: ProblemMembers): Problem {
  return new Problem(code, members);
}

/** 503, because these parts are away, for example `RabbitMQ`. The log names them; the answer does as its members do. */
export function unavailable(parts: string, members?: ProblemMembers): Problem {
  return new Problem('unavailable', members, parts);
}

/** The table, for the documentation. */
export function problemKind(code: ProblemCode): ProblemKind {
  return PROBLEMS[code];
}

/** The code that stands for a bare status, as Fastify and Nest report their own refusals. */
export function codeOfStatus(status: number): ProblemCode {
  switch (status) {
    case 400:
      return 'malformed-request';
    case 401:
      return 'unauthorised';
    case 403:
      return 'forbidden';
    case 404:
      return 'not-found';
    case 405:
      return 'method-not-allowed';
    case 413:
      return 'payload-too-large';
    case 415:
      return 'unsupported-media-type';
    case 503:
      return 'unavailable';
    default:
      return status >= 400 && status < 500 ? 'malformed-request' : 'internal';
  }
}
