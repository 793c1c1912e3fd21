import { SeldomLines } from '@holdfast/observability';
import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { codeOfStatus, problem, Problem } from './problems';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** Answers every error of a request, expected or not, as one problem document. Internals reach the log only. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('http');
  private readonly seldom = new SeldomLines();

  /** @param isUnavailable tells errors that mean "a server we need is away" (503) from faults of ours (500) */
  constructor(private readonly isUnavailable: (error: unknown) => boolean) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    sendProblem(host.switchToHttp().getResponse<FastifyReply>(), this.problemOf(error));
  }

  /** What an error of a request is answered with. A fault of ours is logged, a server that is away now and then. */
  problemOf(error: unknown): Problem {
    const answer = this.toProblem(error);
    if (answer.code === 'internal') this.logger.error(error);
    else if (answer.status === 503) this.warn(answer.code, error as Error);
    return answer;
  }

  /** Now and then for each part that is away: one of them must not hide another. */
  private warn(code: string, error: Error): void {
    const kind = error instanceof Problem ? error.message : error.name;
    const said = this.seldom.next(`${code} ${kind}`, `${code}: ${error.message}`);
    if (said) this.logger.warn(said);
  }

  private toProblem(error: unknown): Problem {
    if (error instanceof Problem) return error;
    if (this.isUnavailable(error)) return problem('unavailable');
    if (error instanceof HttpException) return problem(codeOfStatus(error.getStatus()));
    return problem('internal');
  }
}

/** Answers a request with a problem: its status, its headers, its document. */
export function sendProblem(reply: FastifyReply, answer: Problem): void {
  void reply.status(answer.status).headers(answer.headers()).type(PROBLEM_MEDIA_TYPE).send(answer.body());
}
