import { Global, Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, Reflector } from '@nestjs/core';
import type { RouteInfo } from '@nestjs/common/interfaces';
import { TerminusModule } from '@nestjs/terminus';
import { loggerParams, Metrics, type LogLevel } from '@holdfast/observability';
import { LoggerModule } from 'nestjs-pino';
import { BearerGuard } from './bearer.guard';
import { HealthController } from './health.controller';
import { ProblemFilter } from './problem.filter';
import { Readiness } from './readiness';
import { TokenVerifier } from './token-verifier';
import { validationPipe } from './validation';

export interface EdgeOptions {
  /** Names the service in logs and in its API's title. */
  name: string;
  /** The service itself. */
  module: NonNullable<ModuleMetadata['imports']>[number];
  logLevel: LogLevel;
  metrics: Metrics;
  /** Absent where no route asks for a role. */
  tokens: TokenVerifier | undefined;
  /**
   * Routes whose requests get no line and no logger of their own: a logger for each was a fifth of a hold's CPU time.
   * What goes wrong there is logged with its trace id all the same.
   */
  unlogged: RouteInfo[];
  /** Errors that mean "a server we need is away". */
  isUnavailable: (error: unknown) => boolean;
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
        LoggerModule.forRoot({
          ...loggerParams({ service: options.name, level: options.logLevel }),
          ...(options.unlogged.length > 0 && { exclude: options.unlogged }),
        }),
        TerminusModule.forRoot({ logger: false }),
        options.module,
      ],
      controllers: [HealthController],
      providers: [
        Readiness,
        { provide: Metrics, useValue: options.metrics },
        { provide: APP_FILTER, useValue: new ProblemFilter(options.isUnavailable) },
        { provide: APP_PIPE, useValue: validationPipe() },
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
