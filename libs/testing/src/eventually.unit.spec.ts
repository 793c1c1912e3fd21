import { eventually } from './eventually';

describe('what is waited for', () => {
  it('is the first answer that is not false or undefined', async () => {
    const answers = [false, undefined, 0, 1] as const;
    let looks = 0;
    expect(await eventually(() => answers[looks++])).toBe(0);
    expect(looks).toBe(3);
  });

  it('is named by the error once it does not come', async () => {
    const clock = jest.spyOn(performance, 'now').mockReturnValueOnce(0).mockReturnValueOnce(30_000);
    clock.mockReturnValue(30_001);
    let seats = 1;
    await expect(eventually(() => seats++ > 5)).rejects.toThrow(/^not within 30000 ms: .*seats\+\+ > 5/);
    expect(seats).toBe(3);
    clock.mockReturnValueOnce(0);
    const inVain = eventually(
      () => false,
      () => `more than ${seats} seats`,
    );
    await expect(inVain).rejects.toThrow('not within 30000 ms: more than 3 seats');
    clock.mockRestore();
  });

  it('ends with what the look throws', async () => {
    const look = () => Promise.reject(new RangeError('no such seat'));
    await expect(eventually(look)).rejects.toThrow(RangeError);
  });
});
