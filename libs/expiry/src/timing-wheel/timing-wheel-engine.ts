import { setTimeout as sleep } from 'node:timers/promises';
import { required, type EngineLog, type EngineParts } from '../engine-parts';
import { noCounts, type EngineCounts, type ExpiryEngine, type OnDue } from '../expiry-engine';
import { rebuildJournals, type RebuildTarget } from './rebuild-journals';
import { ShardOwner } from './shard-owner';
import { SHARDS, wheelTopology } from './shards';

/** A hand-over brings all shards of a worker nearly at once: those that come within this time share one reading. */
const GATHER_REBUILDS_MS = 100;

const silent: EngineLog = { info: () => undefined, warn: () => undefined };

/** The worker side of the timing wheel: timers of the shards it owns in memory and in a journal on its disk. */
export class TimingWheelEngine implements ExpiryEngine {
  readonly counts: EngineCounts = noCounts();
  private owners: ShardOwner[] = [];
  private gathered: RebuildTarget[] = [];
  private rebuilding: Promise<void> | undefined;

  constructor(private readonly parts: EngineParts) {}

  async start(onDue: OnDue): Promise<void> {
    const { broker } = required(this.parts, 'rabbitmq');
    await broker.declare(wheelTopology);
    this.owners = Array.from(
      { length: SHARDS },
      (_, shard) =>
        new ShardOwner(shard, {
          broker,
          folder: required(this.parts, 'timingWheel').journalFolder,
          log: this.parts.log ?? silent,
          now: () => this.parts.clock.now(),
          onDue,
          counts: this.counts,
          rebuild: (number, journalId) => this.rebuild({ shard: number, journalId }),
        }),
    );
    const started = await Promise.allSettled(this.owners.map((owner) => owner.start()));
    const failed = started.find((result) => result.status === 'rejected');
    if (!failed) return;
    await this.stop();
    throw failed.reason;
  }

  async stop(): Promise<void> {
    await Promise.all(this.owners.map((owner) => owner.stop()));
  }

  private async rebuild(target: RebuildTarget): Promise<void> {
    this.gathered.push(target);
    this.rebuilding ??= sleep(GATHER_REBUILDS_MS).then(async () => {
      const targets = this.gathered.splice(0);
      this.rebuilding = undefined;
      const { journalFolder } = required(this.parts, 'timingWheel');
      await rebuildJournals(journalFolder, targets, required(this.parts, 'holds').readOutstanding());
    });
    await this.rebuilding;
  }
}
