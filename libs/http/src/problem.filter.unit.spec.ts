import { Logger } from '@nestjs/common';
import { ProblemFilter } from './problem.filter';
import { problem, unavailable } from './problems';

class PostgresAway extends Error {
  override name = 'PostgresAway';
}

describe('the log of requests that are refused because a part is away', () => {
  let lines: string[];
  const filter = () => new ProblemFilter((error) => error instanceof PostgresAway);

  beforeEach(() => {
    lines = [];
    Logger.overrideLogger({
      log: () => undefined,
      error: () => undefined,
      warn: (line: string) => lines.push(line),
    });
  });
  afterAll(() => void Logger.overrideLogger(false));

  it('names the part and what it said; the answer does not', () => {
    const answer = filter().problemOf(new PostgresAway('Postgres is away: too many clients already'));
    expect(lines).toEqual(['unavailable: Postgres is away: too many clients already']);
    expect(JSON.stringify(answer.body())).not.toContain('clients');
    filter().problemOf(unavailable('RabbitMQ', { paymentId: 'p' }));
    expect(lines[1]).toBe('unavailable: RabbitMQ');
  });

  it('tells of each part, however often another one was told of just before', () => {
    const one = filter();
    for (const error of [
      unavailable('postgres'),
      new PostgresAway('at 10:00'),
      new PostgresAway('at 10:01'),
      problem('overloaded'),
      unavailable('RabbitMQ'),
    ]) {
      one.problemOf(error);
    }
    expect(lines).toEqual([
      'unavailable: postgres',
      'unavailable: at 10:00',
      'overloaded: Too much is waiting; try again shortly',
      'unavailable: RabbitMQ',
    ]);
  });
});
