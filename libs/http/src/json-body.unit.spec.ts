import { parseJsonBody } from './json-body';

const parse = (json: string) => parseJsonBody(Buffer.from(json));
const list = (values: number) => `[${'0,'.repeat(values - 2)}0]`;

describe('a JSON body', () => {
  it('is what its text says, or undefined where there is none', () => {
    expect(parse('{"a":["[,",{"b":"\\"{"}]}')).toEqual({ a: ['[,', { b: '"{' }] });
    expect(parse('')).toBeUndefined();
  });

  it.each([
    ['no JSON', '{"a":'],
    ['a prototype', '{"__proto__":{"a":1}}'],
    ['a level too many', '['.repeat(33) + ']'.repeat(33)],
    ['a value too many', list(5_000_001)],
  ])('is refused with %s', (_, json) => {
    expect(() => parse(json)).toThrow(expect.objectContaining({ code: 'malformed-json' }) as Error);
  });

  it('may nest 32 levels, and hold five million values', () => {
    expect(parse('['.repeat(32) + ']'.repeat(32))).toHaveLength(1);
    expect(parse(list(5_000_000))).toHaveLength(4_999_999);
  });
});
