import { ack, openBroker, type Broker, type Consumer } from '@holdfast/broker';
import { SeatsChanged } from '@holdfast/contracts';

const READY_MS = 30_000;
const PREFETCH = 200;

/** A subscriber of the product's events, as another service would be: when it heard that a seat had expired. */
export class Announcements {
  private readonly heardAt = new Map<string, number>();
  private eventId = '';

  private constructor(
    private readonly broker: Broker,
    private readonly consumer: Consumer,
  ) {}

  static async open(rabbitmqUrl: string): Promise<Announcements> {
    const broker = openBroker({ url: rabbitmqUrl, name: 'bench-subscriber' });
    const heard: { by?: Announcements } = {};
    const { exchange, bindingKey } = SeatsChanged;
    const bindings = [{ exchange, routingKey: bindingKey }];
    const consumer = broker.consume({ queue: 'bench', prefetch: PREFETCH, exclusive: bindings }, ({ body }) => {
      heard.by?.hear(body);
      return Promise.resolve(ack);
    });
    heard.by = new Announcements(broker, consumer);
    await consumer.whenConsuming(READY_MS);
    return heard.by;
  }

  /** From now on listens for the seats of this event. */
  expect(eventId: string): void {
    this.heardAt.clear();
    this.eventId = eventId;
  }

  /** By `performance.now()`; undefined when nothing was heard. */
  heard(seatId: string): number | undefined {
    return this.heardAt.get(seatId);
  }

  get count(): number {
    return this.heardAt.size;
  }

  async close(): Promise<void> {
    await this.consumer.stop();
    await this.broker.close();
  }

  private hear(body: Buffer): void {
    const at = performance.now();
    const { eventId, entries } = JSON.parse(body.toString()) as SeatsChanged;
    if (eventId !== this.eventId) return;
    for (const { kind, seatId } of entries) {
      if (kind === 'expired' && !this.heardAt.has(seatId)) this.heardAt.set(seatId, at);
    }
  }
}
