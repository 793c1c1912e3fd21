import { isIP } from 'node:net';
import { fromEnv } from '@holdfast/config';
import { Each } from '@holdfast/contracts';
import { LOG_LEVELS, type LogLevel } from '@holdfast/observability';
import { IsIn, IsInt, IsOptional, IsString, IsUrl, Max, Min, MinLength, ValidateIf } from 'class-validator';
import ipaddr from 'ipaddr.js';

/** An HS256 secret shorter than its hash can be guessed. */
const JWT_SECRET_LENGTH_MIN = 32;

/** Settings of everything that listens for HTTP. */
export class ServerConfig {
  @fromEnv('HOLDFAST_HTTP_HOST')
  @IsString()
  httpHost: string = '127.0.0.1';

  /** 0 takes any free port. */
  @fromEnv('HOLDFAST_HTTP_PORT')
  @IsInt()
  @Min(0)
  @Max(65_535)
  httpPort: number = 0;

  /** Only these peers' X-Forwarded-* headers count: the gateway's addresses, as a comma list of addresses and CIDR ranges. */
  @fromEnv('HOLDFAST_TRUSTED_PROXIES')
  @Each(isAddressRange, 'must be an IP address or a CIDR range')
  trustedProxies: string[] = ['127.0.0.1'];

  @fromEnv('HOLDFAST_LOG_LEVEL')
  @IsIn(LOG_LEVELS)
  logLevel: LogLevel = 'info';

  /** After this long a stopping service gives up on what still runs. */
  @fromEnv('HOLDFAST_STOP_TIMEOUT_MS')
  @IsInt()
  @Min(1)
  @Max(600_000)
  stopTimeoutMs: number = 20_000;
}

/** Settings of a service whose callers present tokens. A service's own configuration extends it and gives the port a default. */
export class HttpConfig extends ServerConfig {
  /** Shared secret of HS256 tokens. Required unless a JWKS address is given, which then decides alone. */
  @fromEnv('HOLDFAST_JWT_SECRET')
  @ValidateIf((config: HttpConfig) => config.jwksUrl === undefined || config.jwtSecret !== undefined)
  @IsString()
  @MinLength(JWT_SECRET_LENGTH_MIN)
  jwtSecret?: string;

  /** Public keys of the issuer of tokens. */
  @fromEnv('HOLDFAST_JWKS_URL')
  @IsOptional()
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  jwksUrl?: string;

  @fromEnv('HOLDFAST_JWT_ISSUER')
  @IsOptional()
  @IsString()
  jwtIssuer?: string;

  @fromEnv('HOLDFAST_JWT_AUDIENCE')
  @IsOptional()
  @IsString()
  jwtAudience?: string;
}

/** As Fastify's own reader of X-Forwarded-For understands it. */
function isAddressRange(value: unknown): boolean {
  return typeof value === 'string' && (ipaddr.isValidCIDR(value) || isIP(value) !== 0);
}
