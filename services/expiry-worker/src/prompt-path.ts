import { openEngine, type EngineParts, type ExpiryEngine, type ExpiryEngineName } from '@holdfast/expiry';
import { HoldReleaser, type Expire } from './hold-releaser';
import type { ReleaseMetrics } from './release-metrics';

interface Listening {
  name: ExpiryEngineName;
  engine: ExpiryEngine;
  releaser: HoldReleaser;
}

/**
 * The engines that tell this worker when to look, each with the releases it asks for. It is one engine, but while engines
 * are being changed: then the timers of the one that goes come due beside those of the one that comes.
 */
export class PromptPath {
  private readonly listening: Listening[];

  /** @param released called after every batch of releases, but not while full ones wait: they are first in line */
  constructor(
    names: readonly ExpiryEngineName[],
    parts: EngineParts,
    expire: Expire,
    private readonly figures: ReleaseMetrics,
    released: () => void,
  ) {
    this.listening = names.map((name) => ({
      name,
      engine: openEngine(name, parts),
      releaser: new HoldReleaser(expire, (_eventId, outcomes, behind) => {
        figures.releasedByEngine(name, outcomes);
        if (!behind) released();
      }),
    }));
    figures.listensTo(this.listening);
  }

  /** @throws EngineUnavailable when one of them cannot work with its servers; none is left running then */
  async start(): Promise<void> {
    try {
      await Promise.all(
        this.listening.map(({ name, engine, releaser }) =>
          engine.start(async (eventId, holdIds) => {
            const outcome = await releaser.release(eventId, holdIds);
            this.figures.reportedDue(name, holdIds.length, outcome);
            return outcome;
          }),
        ),
      );
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Whether an engine has reported this hold and its release is under way. */
  has(eventId: string, holdId: string): boolean {
    return this.listening.some(({ releaser }) => releaser.has(eventId, holdId));
  }

  /** No new timers, then the releases in flight. */
  async stop(): Promise<void> {
    await Promise.all(this.listening.map(({ engine }) => engine.stop()));
    await Promise.all(this.listening.map(({ releaser }) => releaser.idle()));
  }
}
