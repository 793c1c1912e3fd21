import { DueTimers, KEEP_MAX_MS } from './due-timers';
import type { DueOutcome, OnDue } from './expiry-engine';
import type { Timer } from './timer';

const now = () => performance.timeOrigin + performance.now();
const inMs = (ms: number) => new Date(Math.round(now()) + ms);
const FINISHED: DueOutcome = { again: [] };

/** Due timers whose `onDue` answers by `answer` and remembers when it was called. */
function dueTimers(answer: OnDue = () => Promise.resolve(FINISHED)) {
  const sent: { timer: Timer; remainingMs: number }[] = [];
  const calls: { holdIds: string[]; lateMs: number }[] = [];
  const transport = {
    send: (timer: Timer, remainingMs: number) => {
      sent.push({ timer, remainingMs });
      return Promise.resolve();
    },
  };
  const onDue: OnDue = (eventId, holdIds, deadline) => {
    calls.push({ holdIds, lateMs: now() - deadline.getTime() });
    return answer(eventId, holdIds, deadline);
  };
  return { timers: new DueTimers(transport, onDue, now), sent, calls };
}

describe('timers at the worker', () => {
  it('wait in memory for a near deadline, and are due after it, never before', async () => {
    const { timers, calls, sent } = dueTimers();
    const all = [5, 20, 35, -1_000].map((ms, index) =>
      timers.finish({ eventId: 'event', deadline: inMs(ms), holdIds: [`hold-${index}`] }),
    );
    expect(await Promise.all(all)).toEqual([true, true, true, true]);
    expect(calls.map(({ holdIds }) => holdIds[0])).toEqual(['hold-3', 'hold-0', 'hold-1', 'hold-2']);
    for (const { lateMs } of calls) expect(lateMs).toBeGreaterThan(0);
    expect(sent).toEqual([]);
  });

  it('are sent on while the deadline is far', async () => {
    const { timers, calls, sent } = dueTimers();
    const timer = { eventId: 'event', deadline: inMs(KEEP_MAX_MS + 1_000), holdIds: ['a', 'b'] };
    expect(await timers.finish(timer)).toBe(true);
    expect(sent).toMatchObject([{ timer }]);
    expect(sent[0]?.remainingMs).toBeGreaterThan(KEEP_MAX_MS);
    expect(calls).toEqual([]);
    expect(timers.counts).toEqual({ due: 0, lookedAgain: 0, hops: 2 });
  });

  it('look again at an extended hold: in memory when near, sent on when far', async () => {
    const near = inMs(40);
    const far = inMs(60_000);
    const answers = [
      {
        again: [
          { deadline: near, holdIds: ['near'] },
          { deadline: far, holdIds: ['far'] },
        ],
      },
    ];
    const { timers, calls, sent } = dueTimers(() => Promise.resolve(answers.shift() ?? FINISHED));
    await timers.finish({ eventId: 'event', deadline: inMs(10), holdIds: ['gone', 'near', 'far'] });
    expect(calls.map(({ holdIds }) => holdIds)).toEqual([['gone', 'near', 'far'], ['near']]);
    expect(calls[1]?.lateMs).toBeGreaterThan(0);
    expect(sent.map(({ timer }) => timer)).toEqual([{ eventId: 'event', deadline: far, holdIds: ['far'] }]);
    expect(timers.counts).toEqual({ due: 4, lookedAgain: 2, hops: 1 });
  });

  it('look again with growing pauses when the clock runs ahead of the database', async () => {
    const deadline = inMs(-5);
    let early = 4;
    const { timers, calls } = dueTimers(() =>
      Promise.resolve(early-- > 0 ? { again: [{ deadline, holdIds: ['a'] }] } : FINISHED),
    );
    const startedAt = now();
    await timers.finish({ eventId: 'event', deadline, holdIds: ['a'] });
    expect(calls.length).toBe(5);
    expect(now() - startedAt).toBeGreaterThanOrEqual(2 + 4 + 8 + 16 - 1);
  });

  it('keep asking while the database is away', async () => {
    let away = 2;
    const { timers, calls } = dueTimers(() =>
      away-- > 0 ? Promise.reject(new Error('away')) : Promise.resolve(FINISHED),
    );
    expect(await timers.finish({ eventId: 'event', deadline: inMs(1), holdIds: ['a'] })).toBe(true);
    expect(calls.length).toBe(3);
  });

  it('are given back when the worker stops, but a release in flight is finished', async () => {
    let answer: (outcome: DueOutcome) => void = () => undefined;
    const { timers } = dueTimers(() => new Promise((resolve) => (answer = resolve)));
    const waiting = timers.finish({ eventId: 'event', deadline: inMs(500), holdIds: ['waiting'] });
    const inFlight = timers.finish({ eventId: 'event', deadline: inMs(-5), holdIds: ['in-flight'] });
    await new Promise((resolve) => setImmediate(resolve));
    timers.stop();
    expect(await waiting).toBe(false);
    answer(FINISHED);
    expect(await inFlight).toBe(true);
    expect(await timers.finish({ eventId: 'event', deadline: inMs(-1), holdIds: ['late'] })).toBe(false);
  });
});
