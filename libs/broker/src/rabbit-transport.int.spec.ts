import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, MessagePattern, Payload } from '@nestjs/microservices';
import { IsInt, IsString } from 'class-validator';
import { eventually, testVhost, type TestVhost } from '@holdfast/testing';
import {
  ack,
  FaultFilter,
  openBroker,
  RabbitTransport,
  retry,
  type Broker,
  type Delivery,
  type Outcome,
} from './index';
import { HEADERS } from './delivery';
import { DEAD_LETTER_QUEUE } from './topology';

class Served {
  static readonly messageName = 'served.v1';
  static readonly kind = 'event';
  static readonly exchange = 'holdfast.events';
  static readonly bindingKey = 'served.v1.*';
  static readonly routingKey = (message: Served): string => `served.v1.${message.table}`;
  @IsString() table!: string;
}

class Brewed {
  @IsString() outcome!: 'brewed';
  @IsInt() cups!: number;
}

class Brew {
  static readonly messageName = 'brew.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'brew.v1';
  static readonly routingKey = (): string => 'brew.v1';
  static readonly replies = { brewed: Brewed };
  @IsInt() cups!: number;
}

const seen: string[] = [];

@Controller()
class KitchenController {
  @MessagePattern(Brew.messageName)
  brew(@Payload() message: Brew): Promise<Brewed> {
    return Promise.resolve({ outcome: 'brewed', cups: message.cups });
  }

  @EventPattern(Served.messageName)
  served(@Payload() message: Served, @Ctx() delivery: Delivery): Promise<Outcome> {
    seen.push(`${message.table} ${delivery.attempt}`);
    if (message.table === 'broken') throw new RangeError('no such table');
    return Promise.resolve(message.table === 'busy' && delivery.attempt === 1 ? retry('busy') : ack);
  }
}

@Module({ controllers: [KitchenController] })
class KitchenModule {}

const WAIT_MS = 10_000;

describe('Nest transport', () => {
  let vhost: TestVhost;
  let broker: Broker;
  let client: Broker;
  let app: INestMicroservice;
  const dead: Delivery[] = [];

  beforeAll(async () => {
    vhost = await testVhost();
    broker = openBroker({ url: vhost.url, name: 'kitchen', retryDelaysMs: [50] });
    client = openBroker({ url: vhost.url, name: 'guest', retryDelaysMs: [50] });
    const queue = { queue: 'kitchen', prefetch: 5, attemptsMax: 2, contracts: [Brew, Served] };
    app = await NestFactory.createMicroservice(KitchenModule, {
      strategy: new RabbitTransport(broker, [queue]),
      logger: false,
    });
    app.useGlobalFilters(new FaultFilter());
    await app.listen();
    await Promise.all([broker.whenReady(WAIT_MS), client.whenReady(WAIT_MS)]);
    const letters = client.consume({ queue: DEAD_LETTER_QUEUE, prefetch: 5 }, (delivery) => {
      dead.push(delivery);
      return Promise.resolve(ack);
    });
    await letters.whenConsuming(WAIT_MS);
  });

  afterAll(async () => {
    await app.close();
    await Promise.all([broker.close(), client.close()]);
    await vhost.drop();
  });

  it('answers a message pattern with what the handler returns', async () => {
    await eventually(() => broker.ready);
    await expect(client.request(Brew, { cups: 3 }, { timeoutMs: 5_000 })).resolves.toEqual({
      outcome: 'brewed',
      cups: 3,
    });
  });

  it('lets the outcome of an event handler decide', async () => {
    await client.send(Served, { table: 'busy' });
    await eventually(() => seen.includes('busy 2'));
    expect(seen.filter((line) => line.startsWith('busy'))).toEqual(['busy 1', 'busy 2']);
  });

  it("takes an exception for a retry, and names it in the dead letter's reason", async () => {
    await client.send(Served, { table: 'broken' });
    await eventually(() => dead.length > 0);
    expect(dead[0]?.headers[HEADERS.reason]).toBe('RangeError: no such table (attempt 2 of 2)');
  });

  it('refuses to start with a handler that no queue feeds, or a message that nobody handles', async () => {
    for (const contracts of [
      [Brew],
      [
        Brew,
        Served,
        class Cleared extends Served {
          static override readonly messageName = 'cleared.v1' as never;
        },
      ],
    ]) {
      const strategy = new RabbitTransport(client, [{ queue: 'other', prefetch: 1, contracts }]);
      const other = await NestFactory.createMicroservice(KitchenModule, { strategy, logger: false });
      await expect(other.listen()).rejects.toThrow(/served\.v1|cleared\.v1/);
      await other.close();
    }
  });
});
