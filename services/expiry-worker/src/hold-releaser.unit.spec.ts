import type { ExpireOutcome } from '@holdfast/inventory';
import { HoldReleaser } from './hold-releaser';

const gone = (holdId: string): ExpireOutcome => ({ holdId, outcome: 'gone' });

/** Statements that wait until they are answered. */
function statements() {
  const open: { eventId: string; holdIds: string[]; answer: (outcomes?: ExpireOutcome[]) => void; fail: () => void }[] =
    [];
  const seen: [string, string[]][] = [];
  const expire = (eventId: string, holdIds: string[]) =>
    new Promise<ExpireOutcome[]>((resolve, reject) => {
      seen.push([eventId, holdIds]);
      open.push({
        eventId,
        holdIds,
        answer: (outcomes = holdIds.map(gone)) => resolve(outcomes),
        fail: () => reject(new Error('away')),
      });
    });
  return { open, seen, expire };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve)).then(() => new Promise((r) => setImmediate(r)));

describe('the hold releaser', () => {
  afterEach(() => jest.useRealTimers());

  it('puts what becomes due together, or while a release is in flight, in one statement an event', async () => {
    const { open, seen, expire } = statements();
    const releaser = new HoldReleaser(expire, () => undefined, 0);
    const first = [releaser.release('e1', ['a']), releaser.release('e1', ['b', 'c']), releaser.release('e2', ['x'])];
    await nextTurn();
    const second = [releaser.release('e1', ['d']), releaser.release('e1', ['e'])];
    await nextTurn();
    expect(seen).toEqual([
      ['e1', ['a', 'b', 'c']],
      ['e2', ['x']],
    ]);
    open.forEach(({ answer }) => answer());
    await Promise.all(first);
    await nextTurn();
    expect(seen[2]).toEqual(['e1', ['d', 'e']]);
    open[2]?.answer();
    await Promise.all(second);
    await releaser.idle();
  });

  it('bounds a statement, names a hold delivered twice only once, and has two full ones in flight at most', async () => {
    const { open, seen, expire } = statements();
    const behind: boolean[] = [];
    const releaser = new HoldReleaser(expire, (_, __, more) => behind.push(more), 0);
    const ids = Array.from({ length: 1_700 }, (_, index) => `hold-${index}`);
    const both = [releaser.release('e1', ids), releaser.release('e1', ids)];
    await nextTurn();
    expect(seen.length).toBe(2);
    open[0]?.answer();
    await nextTurn();
    open[1]?.answer();
    await nextTurn();
    expect(seen.length).toBe(3);
    open[2]?.answer();
    await nextTurn();
    open[3]?.answer();
    await Promise.all(both);
    expect(seen.map(([, holdIds]) => holdIds.length)).toEqual([500, 500, 500, 200]);
    expect(seen.flatMap(([, holdIds]) => holdIds)).toEqual(ids);
    expect(behind).toEqual([true, false, false, false]);
  });

  it('sends a lone hold at once, and the next ones of the event together when the pace allows', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
    const { open, seen, expire } = statements();
    const releaser = new HoldReleaser(expire, () => undefined, 300);
    const lone = releaser.release('e1', ['a']);
    await nextTurn();
    expect(seen).toEqual([['e1', ['a']]]);
    expect(releaser.has('e1', 'a')).toBe(true);
    open[0]?.answer();
    await lone;
    expect(releaser.has('e1', 'a')).toBe(false);

    const next = releaser.release('e1', ['b']);
    await nextTurn();
    const after = releaser.release('e1', ['c']);
    const elsewhere = releaser.release('e2', ['x']);
    await nextTurn();
    jest.advanceTimersByTime(299);
    await nextTurn();
    expect(seen.slice(1)).toEqual([['e2', ['x']]]);
    jest.advanceTimersByTime(1);
    await nextTurn();
    expect(seen.slice(2)).toEqual([['e1', ['b', 'c']]]);
    for (const { answer } of open.slice(1)) answer();
    await Promise.all([next, after, elsewhere]);
  });

  it('tells each caller which of its own holds are not due, by deadline', async () => {
    const { open, expire } = statements();
    const released: string[] = [];
    const releaser = new HoldReleaser(
      expire,
      (_, outcomes) =>
        released.push(...outcomes.filter(({ outcome }) => outcome === 'expired').map(({ holdId }) => holdId)),
      0,
    );
    const [later, evenLater] = [new Date(1_000), new Date(2_000)];
    const one = releaser.release('e1', ['released', 'gone', 'later-1', 'later-2', 'even-later']);
    const other = releaser.release('e1', ['also-gone']);
    await nextTurn();
    open[0]?.answer([
      { holdId: 'released', outcome: 'expired', deadline: new Date(0), releasedAt: new Date(3), seatIds: ['s'] },
      gone('gone'),
      { holdId: 'later-1', outcome: 'not-due', deadline: later },
      { holdId: 'later-2', outcome: 'not-due', deadline: new Date(1_000) },
      { holdId: 'even-later', outcome: 'not-due', deadline: evenLater },
      gone('also-gone'),
    ]);
    expect(await one).toEqual({
      again: [
        { deadline: later, holdIds: ['later-1', 'later-2'] },
        { deadline: evenLater, holdIds: ['even-later'] },
      ],
    });
    expect(await other).toEqual({ again: [] });
    expect(released).toEqual(['released']);
  });

  it('fails the batch of a failed statement only, and can be asked again', async () => {
    const { open, expire } = statements();
    const releaser = new HoldReleaser(expire, () => undefined, 0);
    const first = releaser.release('e1', ['a']);
    await nextTurn();
    const second = releaser.release('e1', ['b']);
    open[0]?.fail();
    await expect(first).rejects.toThrow('away');
    await nextTurn();
    const again = releaser.release('e1', ['a']);
    open[1]?.answer();
    await second;
    await nextTurn();
    open[2]?.answer();
    expect(await again).toEqual({ again: [] });
  });
});
