import { wait } from '@holdfast/broker';
import { DatabaseUnavailable } from '@holdfast/postgres';
import { Logger } from '@nestjs/common';
import { lastValueFrom } from 'rxjs';
import { CommandFaultFilter } from './command-fault.filter';

const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);

it('lets a command wait while Postgres is away, and says so once', async () => {
  const filter = new CommandFaultFilter();
  for (let message = 0; message < 3; message++) {
    const outcome = await lastValueFrom(filter.catch(new DatabaseUnavailable('connection refused')));
    expect(outcome).toEqual(wait('Postgres is not available: connection refused'));
  }
  expect(warn.mock.calls).toEqual([['A command waits: Postgres is not available: connection refused']]);
});

it('hands on any other fault as it is', async () => {
  const fault = new Error('a fault of ours');
  await expect(lastValueFrom(new CommandFaultFilter().catch(fault))).rejects.toBe(fault);
});
