import { Batches } from './batches';

function recorder(refused = new Map<number, string>()) {
  const sent: string[][] = [];
  const batches = new Batches<string>((entries) => {
    sent.push(entries);
    return Promise.resolve(refused);
  });
  return { sent, batches };
}

describe('requests to SQS', () => {
  it('carry what was asked together, ten entries at most', async () => {
    const { sent, batches } = recorder();
    await Promise.all(Array.from({ length: 23 }, (_, index) => batches.add(`${index}`)));
    await batches.add('later');
    expect(sent.map(({ length }) => length)).toEqual([10, 10, 3, 1]);
    expect(sent.flat()).toEqual([...Array.from({ length: 23 }, (_, index) => `${index}`), 'later']);
  });

  it('keep below the size of a request', async () => {
    const { sent, batches } = recorder();
    await Promise.all(['a', 'b', 'c'].map((entry) => batches.add(entry, 100 * 1_024)));
    expect(sent).toEqual([['a', 'b'], ['c']]);
  });

  it('tell each entry of its own refusal, and all of a failed request', async () => {
    const { batches } = recorder(new Map([[1, 'too bad']]));
    const answers = await Promise.allSettled(['a', 'b', 'c'].map((entry) => batches.add(entry)));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);

    const away = new Batches<string>(() => Promise.reject(new Error('away')));
    await expect(Promise.all([away.add('a'), away.add('b')])).rejects.toThrow('away');
  });
});
