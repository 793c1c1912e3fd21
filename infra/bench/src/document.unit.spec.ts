import { medianOf } from './document';

it('takes the median of every figure, however deep, in the shape of a round', () => {
  const round = (figure: number, deep: number | null) => ({ figure, inner: { deep, kind: 'same' } });
  expect(medianOf([round(3, 30), round(1, null), round(2, 10)])).toEqual(round(2, 20));
  expect(medianOf([round(1, null)])).toEqual(round(1, null));
});

it('takes the medians of a list by place', () => {
  const round = (...p99s: number[]) => ({ engines: p99s.map((p99, nth) => ({ engine: `engine-${nth}`, p99 })) });
  expect(medianOf([round(1, 50), round(3, 10), round(2, 20)])).toEqual(round(2, 20));
});
