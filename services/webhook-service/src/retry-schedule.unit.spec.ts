import { retryAfterMs, retryWaitMs } from './retry-schedule';

const HOUR_MS = 3_600_000;

describe('the wait after a failure', () => {
  it('grows from seconds to a day, and stays there', () => {
    const waits = Array.from({ length: 12 }, (_, nth) => retryWaitMs(nth + 1, 0, 0));
    expect(waits.slice(0, 3)).toEqual([5_000, 30_000, 300_000]);
    expect(waits.slice(-3)).toEqual([24 * HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS]);
    for (const [nth, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(waits[nth - 1] ?? 0);
  });

  it('is spread by up to a fifth', () => {
    expect([retryWaitMs(1, 0, 0), retryWaitMs(1, 0, 1)]).toEqual([5_000, 6_000]);
  });

  it('is what the receiver asks for where that is longer, up to a day', () => {
    expect(retryWaitMs(1, 60_000, 0)).toBe(60_000);
    expect(retryWaitMs(3, 60_000, 0)).toBe(300_000);
    expect(retryWaitMs(1, 1_000 * HOUR_MS, 0)).toBe(24 * HOUR_MS);
  });
});

it.each([
  ['120', 120_000],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 60_000],
  ['Thu, 01 Jan 1960 00:00:00 GMT', 0],
  ['soon', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s ms', (header, ms) => expect(retryAfterMs(header, 0)).toBe(ms));
