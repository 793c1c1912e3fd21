import type { CrashPoint } from '@holdfast/payment-service';
import { againAt, type LivedThrough } from './combinations';

const POINT: CrashPoint = 'unconfirmed:read-intent:before';

/** A life without a crash; only its fault, its fate and its points count. */
function life(fault: string, fate: string, points: CrashPoint[]): LivedThrough {
  const held = { eventId: '', holdId: '', buyerId: '', seatIds: [] };
  const combination = { fault, fate, crashAt: undefined };
  return { combination, held, end: 'captured', points, crashed: false, recoveredMs: undefined, fault: undefined };
}

const livesOf = (fault: string, ...came: boolean[]) =>
  came.map((there, nth) => life(fault, `fate ${nth}`, there ? [POINT] : []));

describe('a point at which nothing crashed', () => {
  const byChance = Array.from({ length: 40 }, (_, nth) => livesOf(`by chance ${nth}`, true, false)).flat();

  it('is tried again first with faults that lead there whatever becomes of the hold', () => {
    for (const lived of [
      [...livesOf('surely', true, true), ...byChance],
      [...byChance, ...livesOf('surely', true, true)],
    ]) {
      const [first, second] = againAt([POINT], lived, 0);
      expect([first, second]).toEqual([
        { fault: 'surely', fate: 'fate 0', crashAt: POINT },
        { fault: 'surely', fate: 'fate 1', crashAt: POINT },
      ]);
    }
  });

  it('is tried with others each turn', () => {
    const tried = [0, 1, 2].flatMap((turn) => againAt([POINT], byChance, turn).map(({ fault }) => fault));
    expect(new Set(tried).size).toBe(tried.length);
    expect(tried.length).toBe(24);
  });

  it('is tried with the same again where few faults lead there', () => {
    const few = livesOf('rarely', true, false);
    expect(againAt([POINT], few, 1)).toEqual(againAt([POINT], few, 0));
    expect(againAt([POINT], few, 1)).toHaveLength(1);
  });
});
