import { wait, type Outcome } from '@holdfast/broker';
import { SeldomLines } from '@holdfast/observability';
import { DatabaseUnavailable } from '@holdfast/postgres';
import { Catch, Logger, type RpcExceptionFilter } from '@nestjs/common';
import { of, throwError, type Observable } from 'rxjs';

/** A command that finds Postgres away waits for it: an outage of an hour leaves no dead letters. Anything else is a fault. */
@Catch()
export class CommandFaultFilter implements RpcExceptionFilter {
  private readonly logger = new Logger('commands');
  private readonly seldom = new SeldomLines();

  catch(fault: unknown): Observable<Outcome> {
    if (!(fault instanceof DatabaseUnavailable)) return throwError(() => fault);
    const said = this.seldom.next(fault.name, `A command waits: ${fault.message}`);
    if (said) this.logger.warn(said);
    return of(wait(fault.message));
  }
}
