import type { Message } from '@aws-sdk/client-sqs';
import { parseMessage } from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { DueTimers } from '../due-timers';
import { required, type EngineParts } from '../engine-parts';
import { noCounts, type EngineCounts, type ExpiryEngine, type OnDue } from '../expiry-engine';
import { pause } from '../pause';
import { SqsQueue, VISIBILITY_S } from './sqs-queue';
import { SQS_KEEP_MAX_MS, SqsTimers } from './sqs-timers';

/** Requests for messages that are open at once; each brings ten at most. */
const RECEIVERS = 4;
/** Timers in memory at once, for about a second each. What is beyond waits in the queue. */
const TIMERS_IN_MEMORY_MAX = 4_000;
const FULL_PAUSE_MS = 50;
/** Well before SQS would give the message to somebody else. */
const RENEW_EVERY_MS = (VISIBILITY_S / 3) * 1_000;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

/**
 * The worker's end of `sqs`. A message is deleted once its holds are finished or sent on; until then it is kept invisible
 * to others. When this worker dies, it comes up again after `VISIBILITY_S`.
 */
export class SqsEngine implements ExpiryEngine {
  private readonly queue: SqsQueue;
  private readonly now: () => number;
  private readonly stopping = new AbortController();
  /** Receipts of the messages in memory, by message: a repeated delivery brings a newer one. */
  private readonly inHand = new Map<string, string>();
  private readonly work = new Set<Promise<void>>();
  private loops: Promise<void>[] = [];
  private timers: DueTimers | undefined;

  constructor(private readonly parts: EngineParts) {
    this.queue = new SqsQueue(required(parts, 'sqs'));
    this.now = () => parts.clock.now();
  }

  get counts(): Readonly<EngineCounts> {
    return this.timers?.counts ?? noCounts();
  }

  async start(onDue: OnDue): Promise<void> {
    const transport = new SqsTimers(this.queue);
    await transport.prepare();
    this.timers = new DueTimers(transport, onDue, this.now, SQS_KEEP_MAX_MS);
    this.loops = [...Array.from({ length: RECEIVERS }, () => this.receive()), this.renew()];
  }

  /** Takes up to some seconds: what the open requests still bring is given back. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.timers?.stop();
    await Promise.all(this.loops);
    await Promise.all(this.work);
    await this.queue.close();
  }

  private async receive(): Promise<void> {
    for (let pauseMs = RETRY_MIN_MS; !this.stopping.signal.aborted;) {
      try {
        if (this.inHand.size >= TIMERS_IN_MEMORY_MAX) {
          await pause(FULL_PAUSE_MS, this.stopping.signal);
          continue;
        }
        for (const message of await this.queue.receive()) this.take(message);
        pauseMs = RETRY_MIN_MS;
      } catch (error) {
        if (pauseMs === RETRY_MIN_MS) this.parts.log?.warn({}, `sqs: cannot receive, trying again: ${String(error)}`);
        await pause(pauseMs, this.stopping.signal);
        pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS);
      }
    }
  }

  private take({ MessageId: id, ReceiptHandle: receipt, Body: body }: Message): void {
    if (!id || !receipt) return;
    const repeated = this.inHand.has(id);
    this.inHand.set(id, receipt);
    if (repeated) return;
    const work: Promise<void> = this.settle(id, body ?? '').finally(() => {
      this.inHand.delete(id);
      this.work.delete(work);
    });
    this.work.add(work);
  }

  private async settle(id: string, body: string): Promise<void> {
    const receipt = () => this.inHand.get(id) ?? '';
    try {
      const parsed = parseMessage(HoldDeadlines, Buffer.from(body));
      // Nobody can use it, and the sweeper finds whatever it meant.
      if (!parsed.ok) this.parts.log?.warn({ id }, `sqs: deleted a malformed message: ${parsed.reason}`);
      if (!parsed.ok || (await this.finish(parsed.message))) await this.queue.delete(receipt());
      else await this.queue.hide(receipt(), 0);
    } catch (error) {
      // Not sent on, or not deleted: it comes again when its time is over, and finds its holds gone or waits on.
      this.parts.log?.warn({ id }, `sqs: a timer will come again: ${String(error)}`);
    }
  }

  private async finish({ eventId, deadline, holdIds }: HoldDeadlines): Promise<boolean> {
    return (await this.timers?.finish({ eventId, holdIds, deadline: new Date(deadline) })) ?? false;
  }

  /** Keeps what waits in memory invisible: longest while the database is away. */
  private async renew(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await pause(RENEW_EVERY_MS, this.stopping.signal);
      const receipts = [...this.inHand.values()];
      await Promise.all(receipts.map((receipt) => this.queue.hide(receipt, VISIBILITY_S).catch(() => undefined)));
    }
  }
}
