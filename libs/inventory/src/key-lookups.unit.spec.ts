import { DatabaseUnavailable } from '@holdfast/postgres';
import { Overloaded } from './hold-committer';
import { KeyLookups, LOOKUPS_WAITING_MAX } from './key-lookups';
import type { HoldOutcome, KeyLookup } from './verbs/hold';

const ask = (key: string): KeyLookup => ({ holdId: 'h', buyerId: 'ann', key, bodyHash: Buffer.alloc(1) });
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

  describe('while Postgres does not answer', () => {
    beforeEach(() => jest.useFakeTimers());
    afterEach(() => jest.useRealTimers());

    it('refuse at once what is more than may wait', async () => {
      const lookups = new KeyLookups(() => new Promise(() => undefined));
      for (let i = 0; i <= LOOKUPS_WAITING_MAX; i++) void lookups.find('e', ask(`${i}`));
      await expect(lookups.find('e', ask('more'))).rejects.toBeInstanceOf(Overloaded);
    });

    it('give up in time the statement under way and all that wait behind it', async () => {
      const lookups = new KeyLookups(() => new Promise(() => undefined), 4_000);
      const ends: unknown[] = [];
      for (let i = 0; i < 300; i++) void lookups.find('e', ask(`${i}`)).catch((error: unknown) => ends.push(error));
      await jest.advanceTimersByTimeAsync(3_999);
      expect(ends).toEqual([]);
      await jest.advanceTimersByTimeAsync(1);
      expect(ends).toHaveLength(300);
      expect(ends.every((error) => error instanceof DatabaseUnavailable)).toBe(true);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('count the wait for the statement before as well', async () => {
      const sent: (() => void)[] = [];
      const lookups = new KeyLookups(
        (_, requests) => new Promise((resolve) => sent.push(() => resolve(requests.map(answerTo)))),
        4_000,
      );
      const first = lookups.find('e', ask('first'));
      const second = lookups.find('e', ask('second')).catch((error: unknown) => error);
      await jest.advanceTimersByTimeAsync(3_000);
      sent[0]?.();
      await first;
      await jest.advanceTimersByTimeAsync(1_000);
      expect(await second).toBeInstanceOf(DatabaseUnavailable);
    });

    it('fail all that wait when it is away, and ask anew after that', async () => {
      const reads: { answer: () => void; fail: (error: Error) => void }[] = [];
      const lookups = new KeyLookups(
        (_, requests) =>
          new Promise((resolve, reject) => reads.push({ answer: () => resolve(requests.map(answerTo)), fail: reject })),
      );
      const asked = ['a', 'b'].map((key) => lookups.find('e', ask(key)).catch((error: unknown) => error));
      const away = new DatabaseUnavailable('gone');
      reads[0]?.fail(away);
      expect(await Promise.all(asked)).toEqual([away, away]);
      const next = lookups.find('e', ask('c'));
      expect(reads).toHaveLength(2);
      reads[1]?.answer();
      expect(await next).toEqual(answerTo(ask('c')));
    });
  });
});
