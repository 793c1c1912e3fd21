import { Metrics } from '@holdfast/observability';
import { Controller, Get, HttpException, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import {
  HealthCheckService,
  HealthIndicatorService,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { unavailable } from './problems';
import { Readiness, type ReadinessCheck } from './readiness';

/** A server that has not answered by then counts as away. */
const CHECK_TIMEOUT_MS = 2_000;

@ApiTags('operation')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: Readiness,
    private readonly figures: Metrics,
  ) {}

  @Get('health/live')
  @ApiOperation({ summary: 'The process runs' })
  @ApiOkResponse({ description: 'Always, while the process answers at all' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  @ApiOperation({ summary: 'The process and what it cannot do without are ready' })
  @ApiOkResponse({ description: 'Requests can be served' })
  @ApiServiceUnavailableResponse({ description: 'Stopping, or a server is away; member `parts` tells which' })
  async ready(): Promise<HealthCheckResult> {
    const parts = [...this.readiness.checks].map((part) => () => this.look(...part));
    try {
      return await this.health.check(parts);
    } catch (error) {
      if (!(error instanceof HttpException)) throw error;
      const { details: parts, error: down = {} } = error.getResponse() as HealthCheckResult;
      throw unavailable(Object.keys(down).join(', '), { parts });
    }
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Metrics in the Prometheus text format' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.type(this.figures.contentType);
    return this.figures.text();
  }

  /** Whether one part answers in time. */
  private async look(name: string, check: ReadinessCheck): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check(name);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer')), CHECK_TIMEOUT_MS);
    });
    try {
      await Promise.race([check(), late]);
      return indicator.up();
    } catch {
      // The reason may carry addresses or credentials; the log of the part itself has it.
      return indicator.down();
    } finally {
      clearTimeout(timer);
    }
  }
}
