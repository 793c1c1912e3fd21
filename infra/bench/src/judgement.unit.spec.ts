import { JUDGES } from './judgement';
import type { ExpiryRow } from './expiry/expiry-row';
import type { HoldRound } from './hold-bench';
import type { StampedeRound } from './stampede-bench';

const stampede = (winners: number, ofBooked = 0) =>
  ({
    variants: { near: { winners }, redis: { winners: 1 } },
    booked: { near: { winners: ofBooked }, redis: { winners: 0 } },
  }) as StampedeRound;

describe('the judges of the benches', () => {
  it('accept one winner, and none of a booked seat', () => {
    expect(JUDGES.stampede([stampede(1)])).toEqual([]);
    expect(JUDGES.stampede([stampede(1), stampede(2)])).toEqual(['near: 2 winners']);
    expect(JUDGES.stampede([stampede(0)])).toEqual(['near: 0 winners']);
    expect(JUDGES.stampede([stampede(1, 1)])).toEqual(['near: 1 winners of a booked seat']);
  });

  it('accept no early and no forgotten release of an engine of ours; a peer may forget', () => {
    const row = (kind: 'ours' | 'peer', early: number, neverReleased: number) =>
      ({ engine: 'e', variant: 'v', scenario: 'steady', kind, early, neverReleased }) as ExpiryRow;
    const judged = (...engines: ExpiryRow[]) => JUDGES.expiry([{ engines, skipped: [] }]);
    expect(judged(row('ours', 0, 0), row('peer', 0, 7))).toEqual([]);
    expect(judged(row('ours', 1, 2))).toEqual([
      'e (v), steady: 1 holds were released early',
      'e (v), steady: 2 holds were never released',
    ]);
  });

  it('accept no seat with two buyers, in any round', () => {
    const rounds = [{ doubleBooked: 0 }, { doubleBooked: 3 }] as HoldRound[];
    expect(JUDGES.hold(rounds)).toEqual(['3 seats had two buyers']);
  });
});
