import {
  ack,
  deadLetter,
  parseMessage,
  requeue,
  retry,
  type Broker,
  type Consumer,
  type Delivery,
  type Outcome,
} from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { DUE_QUEUE } from './due-queue';
import { DueTimers } from './due-timers';
import { noCounts, type EngineCounts, type ExpiryEngine, type OnDue } from './expiry-engine';
import type { TimerTransport } from './timer';
import { Turns } from './turns';

/** Timers in memory at once, for less than a second each. What is beyond waits in the due queue. */
const TIMERS_IN_MEMORY_MAX = 4_000;

/**
 * Timers parked together come back together, and one read of the socket brings hundreds. Taken all at once, 700 of them
 * kept the event loop from every release for more than 100 ms. So many a turn, releases come in between, and what is sent
 * on reaches the broker as a trickle: with 16 a turn, the p99 of a release was a third later. See
 * docs/decisions/026-waves-of-timers.md.
 */
const TIMERS_PER_TURN_MAX = 4;

/** The worker side of the engines in RabbitMQ: they differ in how a timer waits, and end in the same due queue. */
export class RabbitmqEngine implements ExpiryEngine {
  private timers: DueTimers | undefined;
  private consumer: Consumer | undefined;
  private readonly turns = new Turns(TIMERS_PER_TURN_MAX);

  /** @param now milliseconds since the epoch by the database's clock */
  constructor(
    private readonly broker: Broker,
    private readonly transport: TimerTransport,
    private readonly now: () => number,
  ) {}

  get counts(): Readonly<EngineCounts> {
    return this.timers?.counts ?? noCounts();
  }

  async start(onDue: OnDue): Promise<void> {
    const timers = new DueTimers(this.transport, onDue, this.now);
    this.timers = timers;
    await this.transport.prepare();
    this.consumer = this.broker.consume({ queue: DUE_QUEUE, prefetch: TIMERS_IN_MEMORY_MAX }, async (delivery) => {
      await this.turns.next();
      return settle(timers, delivery);
    });
  }

  async stop(): Promise<void> {
    // First no new timer comes in; then those that wait end, and the broker has them back at once.
    const consumed = this.consumer?.stop();
    this.timers?.stop();
    await consumed;
  }
}

async function settle(timers: DueTimers, delivery: Delivery): Promise<Outcome> {
  const parsed = parseMessage(HoldDeadlines, delivery.body);
  if (!parsed.ok) return deadLetter(`malformed: ${parsed.reason}`);
  const { eventId, deadline, holdIds } = parsed.message;
  try {
    return (await timers.finish({ eventId, holdIds, deadline: new Date(deadline) })) ? ack : requeue;
  } catch (error) {
    return retry(`could not be sent on: ${String(error)}`);
  }
}
