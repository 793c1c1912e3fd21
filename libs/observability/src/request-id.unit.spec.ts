import { requestIdOf } from './request-id';

describe('request id', () => {
  it('is the one the gateway gave', () => {
    expect(requestIdOf({ headers: { 'x-request-id': '4f2a.B-7' } })).toBe('4f2a.B-7');
  });

  it.each([undefined, '', 'two words', 'x'.repeat(65), 'line\nbreak'])('is made when the header is %j', (given) => {
    expect(requestIdOf({ headers: { 'x-request-id': given } })).toMatch(/^[0-9a-f-]{36}$/);
  });
});
