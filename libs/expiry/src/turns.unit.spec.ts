import { Turns } from './turns';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Who has come through so far, of as many as came at once. */
function crowd(turns: Turns, count: number): number[] {
  const through: number[] = [];
  for (let nth = 0; nth < count; nth++) void turns.next().then(() => through.push(nth));
  return through;
}

describe('turns of the event loop', () => {
  it('let a few through at once, and of a crowd so many in each, in order', async () => {
    const through = crowd(new Turns(3), 8);
    await Promise.resolve();
    expect(through).toEqual([0, 1, 2]);
    await nextTurn();
    expect(through).toEqual([0, 1, 2, 3, 4, 5]);
    await nextTurn();
    expect(through).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('let nobody who comes later overtake the crowd', async () => {
    const turns = new Turns(2);
    const through = crowd(turns, 5);
    await nextTurn();
    void turns.next().then(() => through.push(99));
    await Promise.resolve();
    expect(through).toEqual([0, 1, 2, 3]);
    await nextTurn();
    expect(through).toEqual([0, 1, 2, 3, 4, 99]);
  });

  it('come back to full when the crowd has gone', async () => {
    const turns = new Turns(2);
    crowd(turns, 3);
    await nextTurn();
    await nextTurn();
    const through = crowd(turns, 3);
    await Promise.resolve();
    expect(through).toEqual([0, 1]);
  });
});
