import { inOrder } from './batch';

describe('the outcomes of a batch', () => {
  const outcomesOf = (...ordinals: number[]) =>
    inOrder(
      ['a', 'b', 'c'],
      ordinals.map((i) => ({ i })),
      (request, row) => `${request}${row.i}`,
    );

  it('stand in the order of the requests, whatever that of the rows is', () => {
    expect(outcomesOf(2, 0, 1)).toEqual(['a0', 'b1', 'c2']);
  });

  it.each([
    ['a row is missing', [0, 1], 'one row a request'],
    ['a request has two rows and another none', [0, 1, 1], 'each request once'],
    ['a row is of no request', [0, 1, 3], 'an item at 3'],
  ])('are none where %s', (_case, ordinals, fault) => {
    expect(() => outcomesOf(...ordinals)).toThrow(fault);
  });
});
