import { ack, deadLetter, onMessage, openBroker, type Broker } from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { eventually, testVhost, type TestVhost } from '@holdfast/testing';
import { deadLettersProgram } from './program';

const WAIT_MS = 15_000;

describe('npm run dead-letters', () => {
  let vhost: TestVhost;
  let broker: Broker;
  let refusing = true;
  const handled: number[] = [];

  beforeAll(async () => {
    vhost = await testVhost();
    broker = openBroker({ url: vhost.url, name: 'test' });
    await broker.whenReady(WAIT_MS);
    await broker.subscribe({ queue: 'worker', prefetch: 5 }, [
      onMessage(HoldDeadlines, ({ holdIds }) => {
        if (refusing) return Promise.resolve(deadLetter('refused for the test'));
        handled.push(holdIds.length);
        return Promise.resolve(ack);
      }),
    ]);
  });
  afterAll(async () => {
    await broker.close();
    await vhost.drop();
  });

  async function run(...args: string[]): Promise<string> {
    const lines: string[] = [];
    await deadLettersProgram(vhost.url, (text) => lines.push(text)).parseAsync(args, { from: 'user' });
    return lines.join('\n');
  }

  /** The list once it has so many letters, each a line below its heading. */
  function listOf(letters: number): Promise<string> {
    return eventually(async () => {
      const list = await run('list');
      return list.split('\n').length === letters + 1 && list;
    });
  }

  it('lists a poison message, shows it, replays it once its cause is gone, and drops what can never be used', async () => {
    expect(await run('list')).toBe('No dead letters.');

    const { exchange, messageName } = HoldDeadlines;
    await broker.publish(
      { exchange, routingKey: HoldDeadlines.routingKey(), messageName },
      { ...HoldDeadlines.example, eventId: 7 },
    );
    await broker.send(HoldDeadlines, HoldDeadlines.example);
    const list = await listOf(2);
    expect(list).toContain('malformed: eventId: must be string');
    expect(list).toContain('refused for the test');

    const letters = JSON.parse(await run('list', '--json')) as { id: string; reason: string; body: unknown }[];
    const refused = letters.find(({ reason }) => reason === 'refused for the test');
    if (!refused) throw new Error('the refused one is listed');
    expect(JSON.parse(await run('show', refused.id))).toMatchObject({ queue: 'worker', body: HoldDeadlines.example });
    expect(JSON.parse(await run('show', '1'))).toMatchObject({ id: letters[0]?.id });
    await expect(run('show', 'no-such-id')).rejects.toThrow('There is no dead letter "no-such-id"');

    refusing = false;
    expect(await run('replay', refused.id)).toBe('1 of 1 replayed.');
    await eventually(() => handled.length === 1);
    // The malformed one is as malformed as before, and comes back.
    expect(await run('replay', '--all')).toBe('1 of 1 replayed.');
    await listOf(1);

    const [malformed] = JSON.parse(await run('list', '--json')) as { id: string }[];
    const dropped = await run('drop', malformed?.id ?? '');
    expect(dropped).toContain('malformed: eventId: must be string');
    expect(dropped).toContain('1 dropped.');
    expect(await run('list')).toBe('No dead letters.');
  });

  it('wants to know which letters to replay', async () => {
    await expect(run('replay')).rejects.toThrow('Say which: ids, or --all');
  });
});
