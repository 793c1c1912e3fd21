import { RefundSeatsBody } from '@holdfast/contracts';
import { Problem } from '@holdfast/http';
import { StrictBody } from './strict-body';

describe('a strict body', () => {
  function read(body: unknown): unknown {
    try {
      return new StrictBody(RefundSeatsBody).transform(body);
    } catch (error) {
      return (error as Problem).members.errors;
    }
  }

  it('is the object of its class', () => {
    expect(read({ seats: ['A-1'] })).toEqual(Object.assign(new RefundSeatsBody(), { seats: ['A-1'] }));
  });

  it('refuses what its class does not name', () => {
    expect(read({ amountMinor: 1 })).toEqual([
      { path: 'amountMinor', message: 'property amountMinor should not exist' },
    ]);
  });

  it('names the member of a list at fault by its place', () => {
    expect(read({ seats: ['A-1', ''] })).toEqual([
      { path: 'seats[1]', message: 'must be a seat id: text of 1 to 200 characters' },
    ]);
  });

  it.each([undefined, null, [], 'text'])('refuses %j, which is no object', (body) => {
    expect(read(body)).toEqual([{ path: '', message: 'the body must be a JSON object' }]);
  });
});
