import { eventually } from '@holdfast/testing';
import { PacedLooks } from './paced-looks';

const HOUR_MS = 3_600_000;
const looks = () => new PacedLooks<number>({ pauseMs: HOUR_MS, keysMax: 2 });

describe('a look', () => {
  it('is one for all who ask while it lasts, and for the pause after it', async () => {
    const paced = looks();
    let seen: (value: number) => void = () => undefined;
    const look = jest.fn(() => new Promise<number>((resolve) => (seen = resolve)));
    const asked = [paced.at('a', look), paced.at('a', look)];
    seen(1);
    expect(await Promise.all(asked)).toEqual([1, 1]);
    expect(await paced.at('a', look)).toBe(1);
    expect(look).toHaveBeenCalledTimes(1);
  });

  it('that fails is not repeated before the pause is over', async () => {
    const paced = looks();
    const look = jest.fn(() => Promise.reject(new Error('silent')));
    await expect(paced.at('a', look)).rejects.toThrow('silent');
    await expect(paced.at('a', look)).rejects.toThrow('silent');
    expect(look).toHaveBeenCalledTimes(1);
  });

  it('at another thing is another one, and what was looked at longest ago is forgotten first', async () => {
    const paced = looks();
    const seen = async (key: string, value: number) => paced.at(key, () => Promise.resolve(value));
    expect([await seen('a', 1), await seen('b', 2), await seen('c', 3)]).toEqual([1, 2, 3]);
    expect([await seen('b', 20), await seen('c', 30), await seen('a', 10)]).toEqual([2, 3, 10]);
  });

  it('is made again after the pause', async () => {
    const paced = new PacedLooks<number>({ pauseMs: 1, keysMax: 2 });
    let looked = 0;
    const look = () => Promise.resolve((looked += 1));
    await eventually(async () => (await paced.at('a', look)) === 3);
    expect(looked).toBe(3);
  });
});
