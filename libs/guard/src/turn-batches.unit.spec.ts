import { setImmediate as nextTurn } from 'node:timers/promises';
import { TurnBatches } from './turn-batches';

describe('turn batches', () => {
  const asked: [string, number[]][] = [];
  const batches = new TurnBatches((eventId: string, asks: number[]) => {
    asked.push([eventId, asks]);
    return Promise.resolve(asks.map((ask) => ask * 10));
  });

  beforeEach(() => asked.splice(0));

  it('answers what is asked in one turn together, each with its own answer, event by event', async () => {
    const answers = Promise.all([
      batches.ask('a', 1),
      batches.ask('b', 2),
      Promise.resolve().then(() => batches.ask('a', 3)),
    ]);
    expect(await answers).toEqual([10, 20, 30]);
    expect(asked).toEqual([
      ['a', [1, 3]],
      ['b', [2]],
    ]);
  });

  it('does not wait for a turn that brings more', async () => {
    const first = batches.ask('a', 1);
    await nextTurn();
    expect(await Promise.all([first, batches.ask('a', 2)])).toEqual([10, 20]);
    expect(asked).toEqual([
      ['a', [1]],
      ['a', [2]],
    ]);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
  ])('rejects all that was asked of it together when the work %s, and nothing else', async (_, fail) => {
    const fragile = new TurnBatches((eventId: string, asks: number[]) =>
      eventId === 'a' ? fail() : Promise.resolve(asks),
    );
    const answers = await Promise.allSettled([fragile.ask('a', 1), fragile.ask('a', 2), fragile.ask('b', 3)]);
    expect(answers).toMatchObject([
      { status: 'rejected', reason: { message: 'broken' } },
      { status: 'rejected', reason: { message: 'broken' } },
      { status: 'fulfilled', value: 3 },
    ]);
  });
});
