import { Global, Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, Reflector } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { Metrics } from '@holdfast/observability';
import { LoggerModule } from 'nestjs-pino';
import type { Logger as PinoLogger } from 'pino';
import { BearerGuard } from './bearer.guard';
import { HealthController } from './health.controller';
import { ProblemFilter } from './problem.filter';
import { Readiness } from './readiness';
import { TokenVerifier } from './token-verifier';
import { ShapePipe } from './validation';

export interface EdgeOptions {
  /** The service itself. */
  module: NonNullable<ModuleMetadata['imports']>[number];
  logger: PinoLogger;
  metrics: Metrics;
  /** Absent where no route asks for a role. */
  tokens: TokenVerifier | undefined;
  problems: ProblemFilter;
}

/** What every service has at its HTTP edge, around the service's own module. */
@Global()
@Module({})
export class EdgeModule {
  static around(options: EdgeOptions): DynamicModule {
    const { tokens } = options;
    return {
      module: EdgeModule,
      imports: [
        // Nest's own lines only: requests have theirs from a hook of the server, so no route needs the middleware.
        LoggerModule.forRoot({ pinoHttp: { logger: options.logger }, forRoutes: [] }),
        TerminusModule.forRoot({ logger: false }),
        options.module,
      ],
      controllers: [HealthController],
      providers: [
        Readiness,
        { provide: Metrics, useValue: options.metrics },
        { provide: APP_FILTER, useValue: options.problems },
        { provide: APP_PIPE, useClass: ShapePipe },
        ...(tokens
          ? [
              { provide: TokenVerifier, useValue: tokens },
              {
                provide: APP_GUARD,
                inject: [Reflector],
                useFactory: (reflector: Reflector) => new BearerGuard(reflector, tokens),
              },
            ]
          : []),
      ],
      exports: [Readiness, Metrics, ...(tokens ? [TokenVerifier] : [])],
    };
  }
}
