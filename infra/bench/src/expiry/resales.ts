import { setTimeout as sleep } from 'node:timers/promises';
import { createEvent } from '../bench-event';
import type { BenchSystem } from '../bench-system';
import { HttpLine } from '../http-line';
import { percentilesOf } from './releases';
import type { Percentiles } from './expiry-row';
import type { OutsideClock } from './outside-clock';

/** How long the sampled holds live. */
export const SAMPLE_HOLD_SECONDS = 3;
/** The next buyer begins to try this long before the deadline: a seat that is sold then was released early. */
const TRY_BEFORE_MS = 60;
const TRY_EVERY_MS = 10;
const PATIENCE_MS = 10_000;

export interface Resales {
  resoldMs: Percentiles | null;
  /** Sold again before the deadline, by the outside clock. */
  early: number;
  /** Not sold again within the patience. */
  never: number;
}

/**
 * Holds taken over HTTP, and for each another buyer who wants the seat and tries from just before its deadline until the
 * answer is 201. These seats have guard keys and timers of the hold-service, as every hold of the product has.
 */
export class ResaleSamples {
  private constructor(
    private readonly system: BenchSystem,
    private readonly origin: string,
    private readonly eventId: string,
    private readonly clock: OutsideClock,
  ) {}

  /** Makes an event for so many samples by the hold-service at `origin`. */
  static async prepare(
    system: BenchSystem,
    origin: string,
    clock: OutsideClock,
    samples: number,
  ): Promise<ResaleSamples> {
    const sale = { holdSeconds: SAMPLE_HOLD_SECONDS };
    const eventId = await createEvent({ ...system, url: origin }, samples, sale);
    return new ResaleSamples(system, origin, eventId, clock);
  }

  /** Takes sample `nth` when its deadline will be `expiresAt(nth)` or later, by the database's clock, and resells each. */
  async run(samples: number, expiresAt: (nth: number) => number): Promise<Resales> {
    const results = await Promise.all(
      Array.from({ length: samples }, async (_, nth) => {
        await this.until(expiresAt(nth) - SAMPLE_HOLD_SECONDS * 1_000);
        return this.resell(nth);
      }),
    );
    const sold = results.filter((sale) => sale !== null);
    const lateness = sold.map(({ deadlineMs, soldMs }) => soldMs - deadlineMs);
    return {
      resoldMs: sold.length > 0 ? percentilesOf(lateness) : null,
      early: sold.filter(({ deadlineMs, soldMs }) => this.clock.isEarly(deadlineMs, soldMs)).length,
      never: results.length - sold.length,
    };
  }

  /** The deadline, and when the other buyer had the seat; null when it was never sold again. */
  private async resell(nth: number): Promise<{ deadlineMs: number; soldMs: number } | null> {
    const deadlineMs = await this.hold(nth);
    const { hostname, port } = new URL(this.origin);
    const line = new HttpLine(hostname, Number(port));
    try {
      await this.until(deadlineMs - TRY_BEFORE_MS);
      for (let attempt = 0; this.clock.now() < deadlineMs + PATIENCE_MS; attempt++) {
        const headers = this.headers(`next-${nth}`, `again-${nth}-${attempt}`);
        const status = await line.post(this.path, headers, bodyOf(nth));
        if (status === 201) return { deadlineMs, soldMs: this.clock.now() };
        await sleep(TRY_EVERY_MS);
      }
      return null;
    } finally {
      line.close();
    }
  }

  private async hold(nth: number): Promise<number> {
    const answer = await fetch(`${this.origin}${this.path}`, {
      method: 'POST',
      headers: this.headers(`first-${nth}`, `first-${nth}`),
      body: bodyOf(nth),
    });
    const { expiresAt } = (await answer.json()) as { expiresAt?: string };
    if (answer.status !== 201 || !expiresAt) throw new Error(`A sampled hold was answered ${answer.status}`);
    return Date.parse(expiresAt);
  }

  private async until(databaseMs: number): Promise<void> {
    await sleep(Math.max(0, databaseMs - this.clock.now()));
  }

  private get path(): string {
    return `/v1/events/${this.eventId}/holds`;
  }

  private headers(buyer: string, key: string): Record<string, string> {
    return {
      authorization: `Bearer ${this.system.token(buyer, ['buyer'])}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    };
  }
}

const bodyOf = (nth: number) => JSON.stringify({ seats: [`S${nth}`] });
