export { problem, Problem, unavailable, type ProblemCode, type ProblemMembers } from './problems';
export { ApiProblems } from './problem-responses';
export { checked, invalid, type Fault } from './validation';
export { HttpConfig, ServerConfig } from './http-config';
export { LargeBody, RawBody } from './http-server';
export { BytesInHand, type BytesInHandBounds } from './bytes-in-hand';
export { parseJsonBody } from './json-body';
export { checkDistinctSeats } from './distinct-seats';
export { Caller, hasRole, Roles } from './bearer.guard';
export type { ShortAnswer, ShortHandler, ShortRequest, ShortRoute } from './short-route';
export { TokenVerifier, type Identity, type Role } from './token-verifier';
export {
  ApiIdempotencyKey,
  IdempotencyKey,
  isIdempotencyKey,
  OptionalIdempotencyKey,
  markReplayed,
  REPLAYED_HEADER,
  requestHash,
} from './idempotency-key';
export { PathId } from './path-id';
export { Readiness, type ReadinessCheck } from './readiness';
export {
  createHttpApp,
  describeHttpApi,
  startHttpService,
  type HttpService,
  type HttpServiceOptions,
} from './http-service';
export { runService } from './run-service';
