import { barChart } from './chart';

it('draws a bar a value, the largest the longest, and escapes what it writes', () => {
  const svg = barChart('Holds & more', [
    { label: 'a<b', value: 1_000 },
    { label: 'c', value: 500 },
  ]);
  const lengths = [...svg.matchAll(/<rect .*?width="(\d+)"/g)].map(([, width]) => Number(width));
  expect(lengths).toEqual([440, 220]);
  expect(svg).toContain('Holds &amp; more');
  expect(svg).toContain('a&lt;b');
  expect(svg).toContain('1,000');
});
