import { ack, type Broker, type Delivery, type DeliveryHandler } from '@holdfast/broker';
import { v7 as newId } from 'uuid';
import { RabbitmqEngine } from './rabbitmq-engine';
import type { TimerTransport } from './timer';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('the engine behind the due queue', () => {
  it('sends a wave of far timers on a few a turn, so that releases come in between', async () => {
    let deliver: DeliveryHandler = () => Promise.reject(new Error('not consumed yet'));
    const broker = {
      consume: (_options: object, handler: DeliveryHandler) => ((deliver = handler), { stop: () => Promise.resolve() }),
    } as unknown as Broker;
    let sent = 0;
    const transport: TimerTransport = { prepare: () => Promise.resolve(), send: () => Promise.resolve(void sent++) };
    const engine = new RabbitmqEngine(broker, transport, () => 0);
    await engine.start(() => Promise.resolve({ again: [] }));

    const wave = Array.from({ length: 20 }, () => deliver(farTimer()));
    const sentByTurn: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      await nextTurn();
      sentByTurn.push(sent);
    }
    expect(sentByTurn).toEqual([8, 12, 16, 20, 20, 20]);
    expect(await Promise.all(wave)).toEqual(wave.map(() => ack));
    expect(engine.counts.hops).toBe(20);
    await engine.stop();
  });
});

function farTimer(): Delivery {
  const body = { eventId: newId(), deadline: new Date(3_600_000).toISOString(), holdIds: [newId()] };
  return { body: Buffer.from(JSON.stringify(body)) } as Delivery;
}
