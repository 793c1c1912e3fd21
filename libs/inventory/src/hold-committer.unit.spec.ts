import { DatabaseUnavailable } from '@holdfast/postgres';
import type { Conflict } from './batch';
import { HoldCommitter, Overloaded, type HoldCommitterOptions } from './hold-committer';
import type { HoldOutcome, HoldRequest } from './verbs/hold';

interface Write {
  requests: HoldRequest[];
  answer(outcome?: (request: HoldRequest) => HoldOutcome | Conflict): void;
  fail(error: Error): void;
}

const held = (request: HoldRequest): HoldOutcome =>
  ({ outcome: 'held', replayed: false, hold: { holdId: request.holdId }, serverTime: new Date() }) as HoldOutcome;

const request = (name: string, seatIds = [`seat-${name}`], buyerId = `buyer-${name}`): HoldRequest => ({
  holdId: name,
  buyerId,
  key: name,
  bodyHash: Buffer.from(name),
  seatIds,
});

const committers: { subject: HoldCommitter; writes: Write[] }[] = [];

/** Whoever is left waiting would be given up while another test runs. */
afterEach(async () => {
  for (const { subject, writes } of committers.splice(0)) {
    let isSettled = false;
    void subject.settled().then(() => (isSettled = true));
    while (!isSettled) {
      writes.forEach((write) => write.answer());
      await turn();
    }
  }
});

/** A committer whose writes the test answers by hand. */
function committer(
  options: Partial<
    Pick<HoldCommitterOptions, 'batchMax' | 'queueMax' | 'answerWithinMs' | 'inFlightMax' | 'overlapMin'>
  > = {},
) {
  const writes: Write[] = [];
  const committed: string[][] = [];
  const subject = new HoldCommitter({
    inFlightMax: 1,
    ...options,
    write: (_eventId, requests) =>
      new Promise<(HoldOutcome | Conflict)[]>((resolve, reject) => {
        writes.push({ requests, answer: (outcome = held) => resolve(requests.map(outcome)), fail: reject });
      }),
    onCommitted: (_eventId, outcomes) => committed.push(outcomes.map((outcome) => outcome.hold.holdId)),
  });
  committers.push({ subject, writes });
  const batches = (): string[][] => writes.map((write) => write.requests.map(({ holdId }) => holdId));
  return { subject, writes, batches, committed };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('writes at once what comes at the same moment, and together what arrives while that is written', async () => {
  const { subject, writes, batches, committed } = committer();
  const all = ['a', 'b'].map((name) => subject.hold('e', request(name)));
  await turn();
  expect(batches()).toEqual([['a', 'b']]);
  for (const name of ['c', 'd']) {
    all.push(subject.hold('e', request(name)));
    await turn();
  }
  expect(batches()).toHaveLength(1);
  writes[0]?.answer();
  await turn();
  expect(batches()).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  writes[1]?.answer();
  expect((await Promise.all(all)).every(({ outcome }) => outcome === 'held')).toBe(true);
  expect(committed).toEqual(batches());
});

it('keeps events apart', async () => {
  const { subject, batches } = committer();
  void subject.hold('e1', request('a'));
  void subject.hold('e2', request('b'));
  await turn();
  expect(batches()).toEqual([['a'], ['b']]);
});

it('never puts a seat or a buyer twice into a batch, and lets nobody overtake whom they wait for', async () => {
  const { subject, writes, batches } = committer();
  void subject.hold('e', request('first'));
  await turn();
  void subject.hold('e', request('a', ['s1', 's2']));
  void subject.hold('e', request('b', ['s2', 's3']));
  void subject.hold('e', request('c', ['s3']));
  void subject.hold('e', request('d', ['s9'], 'buyer-a'));
  void subject.hold('e', request('e', ['s7']));
  writes[0]?.answer();
  await turn();
  writes[1]?.answer();
  await turn();
  writes[2]?.answer();
  await turn();
  expect(batches()).toEqual([['first'], ['a', 'e'], ['b', 'd'], ['c']]);
});

it('bounds a batch and refuses what the queue cannot take', async () => {
  const { subject, writes, batches } = committer({ batchMax: 2, queueMax: 3 });
  void subject.hold('e', request('first'));
  await turn();
  for (const name of ['a', 'b', 'c']) void subject.hold('e', request(name));
  await expect(subject.hold('e', request('d'))).rejects.toBeInstanceOf(Overloaded);
  writes[0]?.answer();
  await turn();
  expect(batches()[1]).toEqual(['a', 'b']);
});

it('asks a lost race again in the next batch, before those who came later', async () => {
  const { subject, writes, batches } = committer();
  const a = subject.hold('e', request('a'));
  await turn();
  void subject.hold('e', request('b'));
  writes[0]?.answer(() => ({ outcome: 'conflict' }));
  await turn();
  expect(batches()).toEqual([['a'], ['a', 'b']]);
  writes[1]?.answer();
  expect((await a).outcome).toBe('held');
});

it('asks again with the same ids while Postgres is away, then gives up', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  try {
    const { subject, writes, batches } = committer({ answerWithinMs: 250 });
    const a = subject.hold('e', request('a'));
    await turn();
    writes[0]?.fail(new DatabaseUnavailable('gone'));
    await jest.advanceTimersByTimeAsync(100);
    expect(batches()).toEqual([['a'], ['a']]);
    writes[1]?.answer();
    expect((await a).outcome).toBe('held');

    const b = subject.hold('e', request('b')).catch((error: unknown) => error);
    await turn();
    for (const write of [2, 3, 4]) {
      writes[write]?.fail(new DatabaseUnavailable('gone'));
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(await b).toEqual(new DatabaseUnavailable('gone'));
    expect(batches().slice(2)).toEqual([['b'], ['b'], ['b']]);
  } finally {
    jest.useRealTimers();
  }
});

it('answers in time though a write does not, and schedules what that write took all the same', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  try {
    const { subject, writes, batches, committed } = committer({ answerWithinMs: 4_000 });
    const written = subject.hold('e', request('written')).catch((error: unknown) => error);
    await turn();
    const behind = subject.hold('e', request('behind')).catch((error: unknown) => error);
    jest.advanceTimersByTime(3_000);
    const later = subject.hold('e', request('later'));
    jest.advanceTimersByTime(1_000);
    expect(await written).toBeInstanceOf(DatabaseUnavailable);
    expect(await behind).toBeInstanceOf(Overloaded);
    writes[0]?.answer();
    await turn();
    expect(committed).toEqual([['written']]);
    expect(batches()).toEqual([['written'], ['later']]);
    writes[1]?.answer();
    expect(await later).toMatchObject({ outcome: 'held' });
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});

it('does not let one request’s fault fail its neighbours', async () => {
  const { subject, writes } = committer();
  const first = subject.hold('e', request('first'));
  await turn();
  const poison = expect(subject.hold('e', request('poison'))).rejects.toThrow('bad bytes');
  const good = subject.hold('e', request('good'));
  writes[0]?.answer();
  await turn();
  writes[1]?.fail(new Error('bad bytes'));
  await turn();
  writes[2]?.fail(new Error('bad bytes'));
  await turn();
  writes[3]?.answer();
  await poison;
  expect([(await first).outcome, (await good).outcome]).toEqual(['held', 'held']);
});

it('fails a request whose outcome is missing, instead of letting it wait', async () => {
  const subject = new HoldCommitter({ write: () => Promise.resolve([]) });
  await expect(subject.hold('e', request('a'))).rejects.toThrow('one outcome a request');
});

it('answers holds that were taken although nobody could be told of them, and goes on', async () => {
  const logged: object[] = [];
  const subject = new HoldCommitter({
    write: (_eventId, requests) => Promise.resolve(requests.map(held)),
    onCommitted: () => {
      throw new Error('no timers');
    },
    log: { error: (members) => logged.push(members) },
  });
  for (const name of ['a', 'b']) expect(await subject.hold('e', request(name))).toMatchObject({ outcome: 'held' });
  await subject.settled();
  expect(logged).toMatchObject(Array(2).fill({ err: new Error('no timers'), eventId: 'e' }));
});

it('is settled once everything accepted has been answered', async () => {
  const { subject, writes } = committer();
  await subject.settled();
  const a = subject.hold('e', request('a'));
  let settled = false;
  const waiting = subject.settled().then(() => (settled = true));
  await turn();
  expect(settled).toBe(false);
  writes[0]?.answer();
  await a;
  await waiting;
});

it('keeps two statements under way, and nobody in both', async () => {
  const { subject, writes, batches } = committer({ inFlightMax: 2, overlapMin: 1 });
  const all = [subject.hold('e', request('a', ['A1']))];
  await turn();
  all.push(
    subject.hold('e', request('a-seat', ['A1', 'A2'])),
    subject.hold('e', request('a-buyer', ['A3'], 'buyer-a')),
    subject.hold('e', request('behind', ['A2'])),
    subject.hold('e', request('b', ['B1'])),
  );
  await turn();
  all.push(subject.hold('e', request('c', ['C1'])), subject.hold('e', request('d', ['D1'])));
  await turn();
  expect(batches()).toEqual([['a'], ['b']]);
  writes[1]?.answer();
  await turn();
  expect(batches().at(-1)).toEqual(['c', 'd']);
  writes[0]?.answer();
  await turn();
  expect(batches().at(-1)).toEqual(['a-seat', 'a-buyer']);
  writes[3]?.answer();
  await turn();
  expect(batches().at(-1)).toEqual(['behind']);
  writes[2]?.answer();
  writes[4]?.answer();
  expect((await Promise.all(all)).every(({ outcome }) => outcome === 'held')).toBe(true);
  await subject.settled();
});

it('begins a batch beside another when enough wait, or when the one under way is slow', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  try {
    const { subject, batches } = committer({ inFlightMax: 2, overlapMin: 2 });
    const arrive = (event: string, name: string) => {
      void subject.hold(event, request(name));
      return turn();
    };
    await arrive('crowd', 'a');
    await arrive('crowd', 'b');
    expect(batches()).toEqual([['a']]);
    await arrive('crowd', 'c');
    expect(batches()).toEqual([['a'], ['b', 'c']]);

    await arrive('lone', 'd');
    await arrive('lone', 'e');
    expect(batches().slice(2)).toEqual([['d']]);
    jest.advanceTimersByTime(10);
    expect(batches().slice(2)).toEqual([['d'], ['e']]);
  } finally {
    jest.useRealTimers();
  }
});

it('takes half of a crowd, so that the other half is on its way meanwhile', async () => {
  const { subject, batches } = committer({ inFlightMax: 2, overlapMin: 2, batchMax: 5 });
  for (let nth = 0; nth < 8; nth++) void subject.hold('e', request(`small-${nth}`));
  for (let nth = 0; nth < 20; nth++) void subject.hold('large', request(`large-${nth}`));
  await turn();
  expect(batches().map((batch) => batch.length)).toEqual([4, 4, 5, 5]);
});

it('keeps the requests of an event in one lane, though one of an emptied lane was waited for', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
  try {
    const { subject, writes, batches } = committer({ inFlightMax: 2, overlapMin: 2, answerWithinMs: 5 });
    const ask = (name: string, seatIds?: string[]) => subject.hold('e', request(name, seatIds)).catch(() => undefined);
    const late = [ask('a')];
    await turn();
    late.push(ask('b'));
    await turn();
    jest.advanceTimersByTime(5);
    await Promise.all(late);
    writes[0]?.answer();
    await turn();
    void ask('c', ['C1']);
    await turn();
    jest.advanceTimersByTime(6);
    void ask('d', ['C1']);
    await turn();
    expect(batches()).toEqual([['a'], ['c']]);
  } finally {
    jest.useRealTimers();
  }
});

it('does not walk a long queue for one hot seat at every batch', async () => {
  const { subject, writes, batches } = committer({ batchMax: 2, queueMax: 1_000 });
  const names = Array.from({ length: 100 }, (_, nth) => `hot-${nth}`);
  names.forEach((name) => void subject.hold('e', request(name, ['A1'])));
  void subject.hold('e', request('far-behind', ['B1']));
  await turn();
  writes[0]?.answer();
  await turn();
  expect(batches()).toEqual([['hot-0'], ['hot-1']]);
});
