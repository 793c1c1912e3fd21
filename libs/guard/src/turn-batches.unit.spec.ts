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
});
