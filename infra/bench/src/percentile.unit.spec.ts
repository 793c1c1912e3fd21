import { median, percentile } from './percentile';

describe('percentile', () => {
  it('is a value that was measured', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([1, 50, 99, 100].map((percent) => percentile(values, percent))).toEqual([1, 50, 99, 100]);
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([], 99)).toBe(0);
  });
});

describe('median', () => {
  it('is the middle, or between the two middle ones', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});
