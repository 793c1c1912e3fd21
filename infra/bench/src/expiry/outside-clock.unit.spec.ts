import { OutsideClock } from './outside-clock';

const START = 1_700_000_000_000;
/** A sample a second; the database's clock jumps forward by `jumpMs` after five of them. */
const samples = (jumpMs: number, errorMs = 0.2) =>
  Array.from({ length: 10 }, (_, second) => ({
    outsideMs: second * 1_000,
    offsetMs: START + (second >= 5 ? jumpMs : 0),
    errorMs,
  }));

describe('the outside clock', () => {
  it('tells the time of the database from the nearest sample', () => {
    const clock = OutsideClock.of(samples(100));
    expect(clock.databaseTime(1_250)).toBe(START + 1_250);
    expect(clock.databaseTime(7_900)).toBe(START + 8_000);
  });

  it('finds a release early that a jump of the database brought forward', () => {
    const deadline = START + 6_000;
    expect(OutsideClock.of(samples(0)).isEarly(deadline, deadline + 1)).toBe(false);
    expect(OutsideClock.of(samples(100)).isEarly(deadline, deadline + 1)).toBe(true);
    expect(OutsideClock.of(samples(100)).isEarly(deadline, deadline + 101)).toBe(false);
  });

  it('calls nothing early that its own error explains', () => {
    const deadline = START + 2_000;
    expect(OutsideClock.of(samples(0, 0.2)).isEarly(deadline, deadline - 0.3)).toBe(false);
    expect(OutsideClock.of(samples(0, 0.2)).isEarly(deadline, deadline - 0.5)).toBe(true);
  });
});
