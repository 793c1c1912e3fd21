import { eventually } from '@holdfast/testing';
import { BufferedScheduler } from './buffered-scheduler';
import type { HoldDeadline } from './expiry-engine';
import type { Timer } from './timer';

const NOW = Date.UTC(2026, 0, 1);
const inMs = (ms: number) => new Date(NOW + ms);
const holds = (count: number, deadline: Date, eventId = 'event'): HoldDeadline[] =>
  Array.from({ length: count }, (_, index) => ({
    eventId,
    holdId: `${eventId}-${deadline.getTime()}-${index}`,
    deadline,
  }));

/** A transport that answers when told to: what a broker does when it is slow or away. */
function transport() {
  const sent: { timer: Timer; remainingMs: number }[] = [];
  const state = { away: false, refusals: 0, sent };
  const send = (timer: Timer, remainingMs: number) => {
    if (state.away) {
      state.refusals++;
      return Promise.reject(new Error('away'));
    }
    sent.push({ timer, remainingMs });
    return Promise.resolve();
  };
  return Object.assign(state, { send });
}

describe('the buffered scheduler', () => {
  it('puts holds of one event and deadline, scheduled together, in one message', async () => {
    const broker = transport();
    const scheduler = new BufferedScheduler(broker, () => NOW);
    scheduler.schedule(holds(3, inMs(600_000)));
    scheduler.schedule([...holds(2, inMs(600_000), 'other'), ...holds(1, inMs(601_000))]);
    await scheduler.close();

    expect(broker.sent.map(({ timer, remainingMs }) => [timer.eventId, timer.holdIds.length, remainingMs])).toEqual([
      ['event', 3, 600_000],
      ['other', 2, 600_000],
      ['event', 1, 601_000],
    ]);
    expect(scheduler.counts).toEqual({ scheduled: 6, handedOver: 6, dropped: 0, waiting: 0 });
  });

  it('splits what is too large for one message', async () => {
    const broker = transport();
    const scheduler = new BufferedScheduler(broker, () => NOW);
    scheduler.schedule(holds(2_200, inMs(60_000)));
    await scheduler.close();
    expect(broker.sent.map(({ timer }) => timer.holdIds.length)).toEqual([1_000, 1_000, 200]);
    expect(new Set(broker.sent.flatMap(({ timer }) => timer.holdIds)).size).toBe(2_200);
  });

  it('keeps timers while the broker is away and hands them over when it is back', async () => {
    const broker = transport();
    broker.away = true;
    const scheduler = new BufferedScheduler(broker, () => NOW);
    scheduler.schedule(holds(2, inMs(60_000)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(scheduler.counts).toEqual({ scheduled: 2, handedOver: 0, dropped: 0, waiting: 2 });

    broker.away = false;
    scheduler.schedule(holds(1, inMs(70_000)));
    await scheduler.close();
    expect(scheduler.counts).toEqual({ scheduled: 3, handedOver: 3, dropped: 0, waiting: 0 });
  });

  it('drops and counts timers whose deadline comes while the broker is away', async () => {
    const broker = transport();
    broker.away = true;
    const scheduler = new BufferedScheduler(broker, () => NOW + 1_000);
    scheduler.schedule(holds(2, inMs(1_000)));
    await scheduler.close();
    expect(scheduler.counts).toEqual({ scheduled: 2, handedOver: 0, dropped: 2, waiting: 0 });
  });

  it('drops and counts what is past the bound, without throwing', async () => {
    const broker = transport();
    broker.away = true;
    const scheduler = new BufferedScheduler(broker, () => NOW);
    scheduler.schedule(holds(50_010, inMs(60_000)));
    expect(scheduler.counts.dropped).toBe(10);
    await scheduler.close();
    expect(scheduler.counts).toMatchObject({ dropped: 50_010, waiting: 0 });
  });

  it('goes on after it was given nothing', async () => {
    const broker = transport();
    const scheduler = new BufferedScheduler(broker, () => NOW);
    scheduler.schedule([]);
    scheduler.schedule(holds(1, inMs(60_000)));
    await scheduler.close();
    expect(scheduler.counts).toEqual({ scheduled: 1, handedOver: 1, dropped: 0, waiting: 0 });
  });

  it('says once why timers cannot be handed over, and once that they can again', async () => {
    const broker = transport();
    broker.away = true;
    const lines: unknown[] = [];
    const say = (fields: object, message: string) => void lines.push([fields, message]);
    const scheduler = new BufferedScheduler(broker, () => NOW, { info: say, warn: say });
    scheduler.schedule(holds(1, inMs(60_000)));
    await eventually(() => broker.refusals === 2);
    broker.away = false;
    await eventually(() => scheduler.counts.handedOver === 1);
    expect(lines).toEqual([
      [{ reason: 'Error: away' }, 'Timers cannot be handed over; trying again'],
      [{}, 'Timers are handed over again'],
    ]);
    await scheduler.close();
  });
});
