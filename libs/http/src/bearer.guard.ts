import { createParamDecorator, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { problem } from './problems';
import { TokenVerifier, type Identity, type Role } from './token-verifier';

const ROLES_METADATA = 'holdfast:roles';

type AuthenticatedRequest = FastifyRequest & { identity?: Identity };

/** A route open to callers with one of these roles. A route without it is public. */
export const Roles = (...roles: [Role, ...Role[]]) => SetMetadata(ROLES_METADATA, roles);

/** The caller's identity, on a route with `@Roles`. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Identity => {
  const { identity } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!identity) throw new Error('@Caller() needs @Roles() on the same route');
  return identity;
});

/** Lets a request through to a route with `@Roles` only with a valid token that carries one of them. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: TokenVerifier,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const roles = this.reflector.getAllAndOverride<Role[] | undefined>(ROLES_METADATA, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!roles) return true;

    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.identity = await this.tokens.verify(request.headers.authorization);
    requireRole(request.identity, roles);
    return true;
  }
}

/** Whether the caller has at least one of the roles. */
export function hasRole(identity: Identity, roles: Role[]): boolean {
  return identity.roles.some((role) => roles.includes(role));
}

/** @throws Problem `forbidden` for a caller with none of the roles */
export function requireRole(identity: Identity, roles: Role[]): void {
  if (!hasRole(identity, roles)) {
    throw problem('forbidden', { detail: `This needs one of the roles: ${roles.join(', ')}.` });
  }
}
