import { KeyLookups, type KeyLookup } from './key-lookups';
import type { HoldOutcome } from './verbs/hold';

const ask = (key: string): KeyLookup => ({ buyerId: 'ann', key, bodyHash: Buffer.alloc(1) });
const answerTo = ({ key }: KeyLookup): HoldOutcome => ({ outcome: 'unknown-seats', seatIds: [key] });

describe('key lookups', () => {
  it('ask at once when idle, and put what arrives meanwhile into the next statement', async () => {
    const statements: string[][] = [];
    const lookups = new KeyLookups((_, requests) => {
      statements.push(requests.map(({ key }) => key));
      return Promise.resolve(requests.map(answerTo));
    });
    const answers = await Promise.all(['a', 'b', 'c'].map((key) => lookups.find('e', ask(key))));
    expect(statements).toEqual([['a'], ['b', 'c']]);
    expect(answers).toEqual(['a', 'b', 'c'].map((key) => answerTo(ask(key))));
  });

  it('keep events apart, and a statement within its bound', async () => {
    const sizes: number[] = [];
    const lookups = new KeyLookups((eventId, requests) => {
      if (eventId === 'e') sizes.push(requests.length);
      return Promise.resolve(requests.map(() => undefined));
    });
    await Promise.all(Array.from({ length: 402 }, (_, i) => lookups.find(i === 0 ? 'other' : 'e', ask(`${i}`))));
    expect(sizes).toEqual([1, 200, 200]);
  });

  it('fail the questions of the failed statement, and go on', async () => {
    let failing = true;
    const lookups = new KeyLookups((_, requests) =>
      failing ? Promise.reject(new Error('away')) : Promise.resolve(requests.map(answerTo)),
    );
    await expect(lookups.find('e', ask('a'))).rejects.toThrow('away');
    failing = false;
    await expect(lookups.find('e', ask('b'))).resolves.toEqual(answerTo(ask('b')));
  });
});
