import { eventually, SqsEmulator } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { itKeepsTheExpiryContract } from '../engine-contract.spec';
import type { HoldDeadline } from '../expiry-engine';
import { openEngine, openScheduler } from '../open-engine';
import { linkTo, sqsRig } from '../spec/sqs-rig.spec';
import { SqsQueue, SqsRefused } from './sqs-queue';
import { SqsTimers } from './sqs-timers';

const ANSWER_WITHIN_MS = 1_000;

describe('the sqs engine', () => {
  itKeepsTheExpiryContract('sqs', sqsRig);
});

describe('the sqs transport', () => {
  let emulator: SqsEmulator;
  const settings = (queue: string) => ({ endpoint: emulator.endpoint, region: 'eu-central-1', queue });
  const holds = (count: number, ms: number): HoldDeadline[] => {
    const [eventId, deadline] = [newId(), new Date(Date.now() + ms)];
    return Array.from({ length: count }, () => ({ eventId, holdId: newId(), deadline }));
  };

  beforeAll(async () => (emulator = await SqsEmulator.start()));
  afterAll(() => emulator.stop());

  it('delays by whole seconds, early and never late, a quarter of an hour at most', async () => {
    const sent: number[] = [];
    const queue = { send: (_body: string, delayS: number) => Promise.resolve(void sent.push(delayS)) };
    const timers = new SqsTimers(queue as SqsQueue);
    const [{ eventId, holdId } = holds(1, 0)[0] ?? never()] = holds(1, 0);
    for (const remainingMs of [-5, 0, 1_499, 1_500, 60_000, 900_500, 3_600_000]) {
      await timers.send({ eventId, holdIds: [holdId], deadline: new Date() }, remainingMs);
    }
    expect(sent).toEqual([0, 0, 0, 1, 59, 900, 900]);
  });

  it('hops over the longest delay: a timer that comes far too early is sent on', async () => {
    const queue = new SqsQueue(settings('hops'));
    await queue.open();
    const [hold = never()] = holds(1, 60_000);
    // As SQS would bring a hold of an hour after its first quarter.
    await queue.send(
      JSON.stringify({ eventId: hold.eventId, deadline: hold.deadline.toISOString(), holdIds: [hold.holdId] }),
      0,
    );
    const engine = openEngine('sqs', { clock: Date, sqs: settings('hops') });
    await engine.start(() => Promise.resolve({ again: [] }));
    await eventually(() => engine.counts.hops === 1);
    expect(engine.counts.due).toBe(0);
    await engine.stop();
    await queue.close();
  });

  it('carries holds committed together in one message, and deletes what it cannot read', async () => {
    const scheduler = await openScheduler('sqs', { clock: Date, sqs: settings('batches') });
    const together = holds(300, 10);
    scheduler.schedule(together);
    await scheduler.close();
    const queue = new SqsQueue(settings('batches'));
    await queue.send('not a timer', 0);

    const calls: string[][] = [];
    const engine = openEngine('sqs', { clock: Date, sqs: settings('batches') });
    await engine.start((_eventId, holdIds) => {
      calls.push(holdIds);
      return Promise.resolve({ again: [] });
    });
    await eventually(() => calls.length === 1);
    expect(calls[0]).toEqual(together.map(({ holdId }) => holdId));
    await engine.stop();
    await eventually(async () => (await queue.receive()).length === 0);
    await queue.close();
  });

  it('waits no longer than its bound for an answer, where the link brings none', async () => {
    const link = await linkTo(Number(new URL(emulator.endpoint).port));
    const settingsOver = { ...settings('half-open'), endpoint: link.url };
    const queue = new SqsQueue(settingsOver, ANSWER_WITHIN_MS);
    await queue.send('a timer', 0);
    link.hush();
    const stranger = new SqsQueue(settingsOver, ANSWER_WITHIN_MS);
    const unanswered = [
      queue.send('a timer', 0),
      queue.receive(),
      queue.hide('receipt', 0),
      queue.delete('receipt'),
      stranger.open(),
    ];
    await Promise.all(unanswered.map((request) => expect(request).rejects.toThrow(/abort/i)));
    await Promise.all([queue.close(), stranger.close(), link.cut()]);
  });

  it('says which credentials are missing, and waits for an SQS that is away', async () => {
    const known = { ...process.env };
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
    try {
      await expect(openScheduler('sqs', { clock: Date, sqs: settings('denied') })).rejects.toThrow(SqsRefused);
    } finally {
      process.env = known;
    }
    const away = { ...settings('away'), endpoint: 'http://127.0.0.1:9' };
    const scheduler = await openScheduler('sqs', { clock: Date, sqs: away });
    scheduler.schedule(holds(1, -1));
    await scheduler.close();
    expect(scheduler.counts).toMatchObject({ handedOver: 0, dropped: 1 });
  });
});

function never(): never {
  throw new Error('no hold');
}
