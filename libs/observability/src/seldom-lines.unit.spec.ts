import { SAME_LINE_EVERY_MS, SeldomLines } from './seldom-lines';

describe('lines that would be said again and again', () => {
  it('come once in ten seconds for each kind, and say how many were left out', () => {
    let nowMs = 5;
    const lines = new SeldomLines(() => nowMs);
    expect(lines.next('unavailable', 'Postgres is away')).toBe('Postgres is away');
    expect(lines.next('unavailable', 'Postgres is away')).toBeUndefined();
    expect(lines.next('overloaded', 'too much waits')).toBe('too much waits');
    nowMs += SAME_LINE_EVERY_MS - 1;
    expect(lines.next('unavailable', 'Postgres is away')).toBeUndefined();
    nowMs += 1;
    expect(lines.next('unavailable', 'away still')).toBe('away still (2 such lines left out since the last)');
    nowMs += SAME_LINE_EVERY_MS;
    expect(lines.next('unavailable', 'away again')).toBe('away again');
  });
});
