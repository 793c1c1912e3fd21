import { openBroker, type Broker } from '@holdfast/broker';
import { DatabaseClock, openEngine, type ExpiryEngine } from '@holdfast/expiry';
import { eventually } from '@holdfast/testing';
import { openSale, serviceUnderTest, type Caller, type ServiceUnderTest } from './spec/service-under-test';

const READY_MS = 10_000;

describe('timers of holds', () => {
  let service: ServiceUnderTest;
  let broker: Broker;
  let clock: DatabaseClock;
  let engine: ExpiryEngine;
  let olga: Caller;
  let ann: Caller;
  const due: { holdId: string; deadline: Date; at: number }[] = [];

  beforeAll(async () => {
    service = await serviceUnderTest();
    olga = await service.caller('olga', 'organiser');
    ann = await service.caller('ann', 'buyer');
    broker = openBroker({ url: service.config.rabbitmqUrl, name: 'spec' });
    await broker.whenReady(READY_MS);
    clock = await DatabaseClock.open(service.database.database);
    engine = openEngine('parking', { rabbitmq: { broker, url: service.config.rabbitmqUrl }, clock });
    await engine.start((_eventId, holdIds, deadline) => {
      due.push(...holdIds.map((holdId) => ({ holdId, deadline, at: clock.now() })));
      return Promise.resolve({ again: [] });
    });
  });

  afterAll(async () => {
    await engine.stop();
    await broker.close();
    await clock.close();
    await service.close();
  });

  it('a hold that was taken comes due at its deadline, one that was replayed or refused does not', async () => {
    const eventId = await openSale(olga, { holdSeconds: 1 });
    const take = (key: string) => ann('POST', `/v1/events/${eventId}/holds`, { body: { seats: ['St-A-1'] }, key });
    const { body } = await take('k');
    await take('k');
    await take('other');
    await eventually(() => due.length > 0);
    expect(due).toEqual([
      { holdId: body.holdId, deadline: new Date(String(body.expiresAt)), at: expect.any(Number) as number },
    ]);
    expect(due[0]?.at).toBeGreaterThanOrEqual(Date.parse(String(body.expiresAt)));
    const metrics = (await service.app.inject('/metrics')).body;
    expect(metrics).toMatch(/holdfast_timers_handed_over_total{engine="parking".*} 1\b/);
  });
});
