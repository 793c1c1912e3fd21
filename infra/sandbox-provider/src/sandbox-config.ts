import { IsInt, IsString, Max, Min, MinLength } from 'class-validator';
import { fromEnv } from '@holdfast/config';

/** Settings of the sandbox provider. None is required. */
export class SandboxConfig {
  @fromEnv('HOLDFAST_HTTP_HOST')
  @IsString()
  host: string = '127.0.0.1';

  @fromEnv('HOLDFAST_SANDBOX_PORT')
  @IsInt()
  @Min(0)
  @Max(65_535)
  port: number = 8084;

  /** Folder of the journal. Empty: the books are kept in memory only and are gone with the process. */
  @fromEnv('HOLDFAST_SANDBOX_DATA')
  @IsString()
  dataFolder: string = '';

  /** Added before every answer, to stand for the way to a real provider. */
  @fromEnv('HOLDFAST_SANDBOX_LATENCY_MS')
  @IsInt()
  @Min(0)
  @Max(60_000)
  latencyMs: number = 0;

  @fromEnv('HOLDFAST_STRIPE_SECRET_KEY')
  @IsString()
  @MinLength(8)
  secretKey: string = 'sk_test_sandbox';
}
