import { DatabaseClock } from './database-clock';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** A database whose clock is an hour ahead, and that answers so many questions before it goes away. */
function database(answers: number) {
  const query = <Row>(): Promise<Row[]> =>
    answers-- > 0 ? Promise.resolve([{ now_ms: Date.now() + HOUR_MS } as Row]) : Promise.reject(new Error('away'));
  return { query };
}

it('tells the time of the database', async () => {
  const clock = await DatabaseClock.open(database(Infinity));
  expect(Math.abs(clock.now() - Date.now() - HOUR_MS)).toBeLessThan(MINUTE_MS);
  await clock.close();
});

it('keeps the time it has where a measurement breaks off: its first answer may be the worst', async () => {
  const clock = await DatabaseClock.open(database(1));
  expect(Math.abs(clock.now() - Date.now())).toBeLessThan(MINUTE_MS);
  await clock.close();
});
