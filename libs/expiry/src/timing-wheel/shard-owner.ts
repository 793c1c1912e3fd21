import {
  ack,
  deadLetter,
  parseMessage,
  requeue,
  type Broker,
  type Consumer,
  type Delivery,
  type Outcome,
} from '@holdfast/broker';
import { HoldDeadlines } from '@holdfast/contracts';
import { v7 as newId } from 'uuid';
import type { EngineLog } from '../engine-parts';
import type { Timer } from '../timer';
import { Attachment } from './attachment';
import { isBaton, readBaton, sendBaton, type Baton } from './baton';
import { journalIdIn, lockShard, shardFolder, type ShardLock } from './journal-folder';
import { shardQueue } from './shards';
import { WheelShard, type WheelShardParts } from './wheel-shard';

/** Messages on their way into the journal at once. Many of them share one fsync. */
const UNACKNOWLEDGED_MAX = 1_000;

/** After the first delivery: how long to wait for a baton that names a journal. It stands at the queue's head. */
const BATON_WITHIN_MS = 500;

/** A worker whose own question has not come back to it by now is not the active consumer. */
const STAND_BY_AFTER_MS = 2_000;

/** RabbitMQ closes the channel of a consumer that keeps a message for half an hour. */
const RENEW_BATON_EVERY_MS = 5 * 60_000;

const CLAIM_AGAIN_AFTER_MS = 2_000;
const LOCK_AGAIN_AFTER_MS = 50;
/** The owner before us, in another process on this machine, should have gone by now. */
const LOCK_WITHIN_MS = 5_000;

export interface ShardOwnerParts extends WheelShardParts {
  broker: Broker;
  /** Of the journals of all shards. */
  folder: string;
  log: EngineLog;
  /** Writes the shard's journal anew from Postgres, under this id. */
  rebuild: (shard: number, journalId: string) => Promise<void>;
  /** More often for tests. */
  renewBatonEveryMs?: number;
}

/**
 * This worker's part in one shard: it owns the shard while the broker has chosen it as the queue's active consumer, and
 * stands by otherwise. See docs/decisions/016-timing-wheel.md for how a shard is handed over.
 */
export class ShardOwner {
  private shard: WheelShard | undefined;
  private consumer: Consumer | undefined;
  private attachment: Attachment | undefined;
  private stopping = false;

  constructor(
    private readonly number: number,
    private readonly parts: ShardOwnerParts,
  ) {}

  /**
   * Restores what is journalled here, if no other process has it, and begins to consume. Timers are looked at from now on,
   * also while RabbitMQ is away.
   *
   * @throws JournalDamaged
   */
  async start(): Promise<void> {
    const lock = await lockShard(this.parts.folder, this.number);
    if (lock) this.shard = await WheelShard.open(shardFolder(this.parts.folder, this.number), lock, this.parts);
    const timers = this.shard?.size ?? 0;
    if (timers > 0) this.parts.log.info({ shard: this.number, timers }, 'Restored a shard of the timing wheel');
    this.consumer = this.parts.broker.consume(
      {
        queue: shardQueue(this.number),
        prefetch: UNACKNOWLEDGED_MAX,
        onAttach: () => this.attach(),
        onDetach: () => this.attachment?.finish(),
      },
      (delivery) => this.handle(delivery),
    );
  }

  /** Leaves the journal first, so that the next owner finds it complete and free. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.attachment?.claim;
    await this.shard?.close();
    this.attachment?.finish();
    await this.consumer?.stop();
  }

  private attach(): void {
    this.attachment?.finish();
    const attachment = new Attachment(this.attachment?.claim);
    this.attachment = attachment;
    sendBaton(this.parts.broker, this.number, null).then(
      () => attachment.after(STAND_BY_AFTER_MS, () => void this.standBy(attachment)),
      // A timer or the last owner's baton will come instead.
      () => undefined,
    );
  }

  /** Another consumer is the active one: it has, or rebuilds, the timers that are here. */
  private async standBy(attachment: Attachment): Promise<void> {
    const { shard } = this;
    if (attachment.claim || !shard) return;
    this.shard = undefined;
    await shard.close();
    this.parts.log.info({ shard: this.number }, 'Another worker has this shard of the timing wheel; standing by');
  }

  private async handle(delivery: Delivery): Promise<Outcome> {
    const { attachment } = this;
    if (!attachment || attachment.over) return requeue;
    if (isBaton(delivery)) return this.keepBaton(attachment, readBaton(delivery));
    const parsed = parseMessage(HoldDeadlines, delivery.body);
    if (!parsed.ok) return deadLetter(`malformed: ${parsed.reason}`);
    const { eventId, deadline, holdIds } = parsed.message;
    return this.accept(attachment, { eventId, holdIds, deadline: new Date(deadline) });
  }

  private async accept(attachment: Attachment, timer: Timer): Promise<Outcome> {
    for (;;) {
      this.claim(attachment);
      if (!(await attachment.claimed) || attachment.over) return requeue;
      const { shard } = this;
      if (!shard) continue;
      try {
        await shard.arm(timer);
        return ack;
      } catch (error) {
        // Closed, to be handed over: the message goes to the next owner when this one has gone.
        if (this.stopping) await attachment.ended;
        // What comes by the next attachment finds the fault by itself.
        else if (!attachment.over) this.leaveBroken(attachment, shard, error);
      }
    }
  }

  private async keepBaton(attachment: Attachment, baton: Baton | undefined): Promise<Outcome> {
    if (!baton) return deadLetter('malformed: not a baton');
    if (baton.journalId !== null) attachment.name(baton.journalId);
    this.claim(attachment);
    if (!(await attachment.claimed)) return requeue;
    while (!attachment.over && attachment.keeps(baton.batonId)) await attachment.batonChanged;
    // What is not the one to keep is the last owner's, or a question that is answered.
    return attachment.keeps(baton.batonId) ? requeue : ack;
  }

  /** Any delivery says that this is the active consumer. */
  private claim(attachment: Attachment): void {
    if (this.stopping) return;
    attachment.claim ??= this.claimNow(attachment);
  }

  private async claimNow(attachment: Attachment): Promise<void> {
    const named = await attachment.journalNamed(BATON_WITHIN_MS);
    await attachment.before;
    await this.takeOver(attachment, named);
  }

  private leaveBroken(attachment: Attachment, shard: WheelShard, error: unknown): void {
    if (this.shard !== shard) return;
    this.shard = undefined;
    this.parts.log.warn({ shard: this.number, reason: String(error) }, 'A journal of the timing wheel broke');
    attachment.reopen();
    attachment.claim = shard
      .close()
      .then(() => attachment.pause(CLAIM_AGAIN_AFTER_MS))
      .then(() => this.takeOver(attachment, shard.journalId));
  }

  /** Opens the shard, however often it takes. While it takes, the sweeper releases. */
  private async takeOver(attachment: Attachment, journalId: string | undefined): Promise<void> {
    let named = journalId;
    let told = '';
    while (!attachment.over && !this.stopping) {
      try {
        const shard = await this.openFor(attachment, named);
        if (!shard) return;
        this.shard = shard;
        named = shard.journalId;
        await this.renewBaton(attachment, shard);
        attachment.open();
        return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== told)
          this.parts.log.warn({ shard: this.number, reason }, 'Cannot take over a shard of the wheel');
        told = reason;
        await attachment.pause(CLAIM_AGAIN_AFTER_MS);
      }
    }
  }

  /** The shard with the timers of the journal that the last owner named; undefined when it is no longer wanted. */
  private async openFor(attachment: Attachment, named: string | undefined): Promise<WheelShard | undefined> {
    const { parts, shard: present } = this;
    if (present && present.journalId === named) return present;
    // Somebody else has had the shard since.
    this.shard = undefined;
    await present?.close();

    const folder = shardFolder(parts.folder, this.number);
    const lock = await this.lock(attachment);
    if (!lock) return undefined;
    let from = 'its journal';
    try {
      if (!named || (await journalIdIn(folder)) !== named) {
        from = 'Postgres';
        await parts.rebuild(this.number, newId());
      }
    } catch (error) {
      await lock.release();
      throw error;
    }
    const shard = await WheelShard.open(folder, lock, parts);
    parts.log.info({ shard: this.number, timers: shard?.size }, `Took over a shard of the timing wheel, from ${from}`);
    return shard;
  }

  private async lock(attachment: Attachment): Promise<ShardLock | undefined> {
    const since = performance.now();
    for (let told = false; !attachment.over && !this.stopping;) {
      const lock = await lockShard(this.parts.folder, this.number);
      if (lock) return lock;
      if (!told && performance.now() - since > LOCK_WITHIN_MS) {
        told = true;
        this.parts.log.warn(
          { shard: this.number },
          'Another process still has the journal of this shard; waiting for it',
        );
      }
      await attachment.pause(LOCK_AGAIN_AFTER_MS);
    }
    return undefined;
  }

  /** Puts a baton of our own into the queue, in place of the one before. */
  private async renewBaton(attachment: Attachment, shard: WheelShard): Promise<void> {
    const batonId = newId();
    attachment.expect(batonId);
    try {
      await sendBaton(this.parts.broker, this.number, shard.journalId, batonId);
    } catch (error) {
      attachment.expect(undefined);
      throw error;
    }
    attachment.keep(batonId);
    attachment.after(
      this.parts.renewBatonEveryMs ?? RENEW_BATON_EVERY_MS,
      () => void this.renewInTime(attachment, shard),
    );
  }

  private async renewInTime(attachment: Attachment, shard: WheelShard): Promise<void> {
    try {
      if (this.shard === shard) await this.renewBaton(attachment, shard);
    } catch {
      // RabbitMQ is away or blocked: the old baton stays ours, and there is time for more tries.
      attachment.after(CLAIM_AGAIN_AFTER_MS, () => void this.renewInTime(attachment, shard));
    }
  }
}
