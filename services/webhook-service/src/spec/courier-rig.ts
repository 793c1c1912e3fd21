import { inventoryMigrations } from '@holdfast/inventory';
import { testDatabase, type TestDatabase } from '@holdfast/testing';
import { v7 as newId } from 'uuid';
import { Courier, type CourierOptions } from '../courier';
import type { Attempt } from '../deliveries';
import { Destinations } from '../destination';
import { createEndpoint, readEndpoint, type Endpoint, type NewEndpoint } from '../endpoints';
import { webhookMigrations } from '../migrations';
import type { Resolve } from '../name-look-up';
import { secretOf } from '../signing';
import type { SampleEvent } from './ledger';

export const MASTER_KEY = 'a master key of at least thirty-two characters';
const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const HOUR_MS = 3_600_000;

interface CourierChanges extends Partial<CourierOptions> {
  attempted?: (attempt: Attempt) => void;
  allowedNetworks?: string[];
  resolve?: Resolve;
  keys?: { current: string; previous?: string };
}

/** Couriers on a real database, and what specs do to their endpoints. */
export class CourierRig {
  readonly attempts: Attempt[] = [];
  readonly faults: string[] = [];
  private readonly couriers = new Set<Courier>();

  private constructor(private readonly db: TestDatabase) {}

  static async open(): Promise<CourierRig> {
    return new CourierRig(await testDatabase([inventoryMigrations, webhookMigrations]));
  }

  get database() {
    return this.db.database;
  }

  get postgresUrl(): string {
    return this.db.url;
  }

  async close(): Promise<void> {
    await this.stopCouriers();
    await this.db.drop();
  }

  startCourier(changes: CourierChanges = {}): Courier {
    const { allowedNetworks = LOOPBACK, resolve, keys = { current: MASTER_KEY }, attempted, ...options } = changes;
    const courier = new Courier(
      this.database,
      new Destinations(allowedNetworks, resolve),
      keys,
      {
        deliveriesMax: 10,
        deliveriesPerOrganiserMax: 10,
        pollMs: 20,
        timeoutMs: 10_000,
        disableAfterMs: 120 * HOUR_MS,
        ...options,
      },
      {
        attempted: (attempt) => {
          this.attempts.push(attempt);
          attempted?.(attempt);
        },
        onFault: (error) => void this.faults.push(String(error)),
      },
      { log: () => undefined, warn: () => undefined, error: () => undefined },
    );
    this.couriers.add(courier);
    courier.start();
    return courier;
  }

  async stopCouriers(): Promise<void> {
    await Promise.all([...this.couriers].map((courier) => courier.stop()));
    this.couriers.clear();
    this.attempts.length = 0;
    this.faults.length = 0;
  }

  /** An endpoint of the event, as if its address had been checked. */
  async addEndpoint(event: SampleEvent, url: string, kinds: NewEndpoint['kinds'] = null): Promise<Endpoint> {
    const endpointId = newId();
    const request = { eventId: event.eventId, endpointId, key: endpointId, bodyHash: Buffer.alloc(32), url, kinds };
    const created = await createEndpoint(this.database, request);
    if (created.outcome !== 'created') throw new Error(created.outcome);
    return created.endpoint;
  }

  async read({ eventId, endpointId }: Endpoint): Promise<Endpoint> {
    const endpoint = await readEndpoint(this.database, eventId, endpointId);
    if (!endpoint) throw new Error('the endpoint is gone');
    return endpoint;
  }

  secret({ endpointId }: Endpoint, generation = 1): string {
    return secretOf(MASTER_KEY, endpointId, generation);
  }

  /** The wait after a failure, or the lease of a courier that died, is over. */
  async makeDue({ endpointId }: Endpoint): Promise<void> {
    await this.database.query(
      `UPDATE webhooks.endpoints SET next_at = clock_timestamp(), leased_until = NULL WHERE endpoint_id = $1`,
      [endpointId],
    );
  }

  /** It has been failing since so many hours longer. */
  async ageFailure({ endpointId }: Endpoint, hours: number): Promise<void> {
    await this.database.query(
      `UPDATE webhooks.endpoints SET failing_since = failing_since - $2 * interval '1 hour' WHERE endpoint_id = $1`,
      [endpointId, hours],
    );
  }
}
