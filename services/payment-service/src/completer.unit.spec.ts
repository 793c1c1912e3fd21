import { eventually } from '@holdfast/testing';
import { Completer } from './completer';

it('says once that it cannot look for unfinished work, not at every look', async () => {
  const lines: string[] = [];
  const write = (line: unknown) => void lines.push(String(line));
  let looks = 0;
  const takeUp = () => {
    looks++;
    return Promise.reject(new Error('Postgres is away'));
  };
  const logger = { log: write, warn: write, error: write };
  const completer = new Completer([takeUp], { everyMs: 1, onFault: write, logger });
  completer.start();
  await eventually(() => looks >= 3);
  await completer.stop();
  expect(lines).toEqual([expect.stringContaining('Postgres is away')]);
});
