import { join } from 'node:path';
import type { Metrics } from '@holdfast/observability';
import { loadScript, renewRedis, runScript, type RedisClient, type Script } from '@holdfast/redis';
import { circuitBreaker, CircuitState, ConsecutiveBreaker, handleAll } from 'cockatiel';
import type { Counter } from 'prom-client';

/** Failures in a row after which Redis is left alone and connected to anew, and for how long. */
const FAILURES_MAX = 5;
const PAUSE_MS = 500;

/** The guard's scripts, by the names of their files. */
export type GuardVerb = 'claim' | 'confirm' | 'extend' | 'end-hold' | 'book' | 'give-up' | 'block' | 'unblock';

/** What the guard logs with; a logger of pino fits. */
export interface GuardLog {
  info(members: object, message: string): void;
  warn(members: object, message: string): void;
}

export interface GuardScriptsOptions {
  redis: RedisClient;
  metrics: Metrics;
  log?: GuardLog;
}

/** Runs the guard's scripts in Redis, and leaves a Redis alone that does not take them. Nothing here rejects. */
export class GuardScripts {
  private readonly redis: RedisClient;
  private readonly log: GuardLog | undefined;
  private readonly lost: Counter<'verb'>;
  private readonly loaded = new Map<GuardVerb, Script>();
  private readonly circuit = circuitBreaker(handleAll, {
    halfOpenAfter: PAUSE_MS,
    breaker: new ConsecutiveBreaker(FAILURES_MAX),
  });
  private isAway = false;

  constructor({ redis, metrics, log }: GuardScriptsOptions) {
    this.redis = redis;
    this.log = log;
    this.lost = metrics.counter('guard_lost_updates', 'Updates that Redis did not take', ['verb']);
    this.circuit.onBreak((failure) => this.onAway(failure));
    this.circuit.onReset(() => this.onBack());
  }

  /** The script's reply, or undefined when Redis is away, slow, failing, or left alone for a moment after that. */
  async run(verb: GuardVerb, keys: string[], args: (string | number)[]): Promise<{ reply: unknown } | undefined> {
    // While one call tries whether Redis is back, the breaker would let the others wait for its answer.
    if (this.circuit.state === CircuitState.HalfOpen) return undefined;
    try {
      return { reply: await this.circuit.execute(() => runScript(this.redis, this.scriptOf(verb), keys, args)) };
    } catch {
      return undefined;
    }
  }

  /** Runs an update. @returns whether Redis took it; one that it did not is counted */
  async attempt(verb: GuardVerb, keys: string[], args: (string | number)[]): Promise<boolean> {
    if (await this.run(verb, keys, args)) return true;
    this.lost.inc({ verb });
    return false;
  }

  private onAway(failure: object): void {
    renewRedis(this.redis);
    // Every try that fails opens the circuit anew: only the first is worth a line.
    if (!this.isAway) {
      const reason = 'error' in failure ? String(failure.error) : 'unknown';
      this.log?.warn({ reason }, "Redis does not take the guard's scripts; asking Postgres without it");
    }
    this.isAway = true;
  }

  private onBack(): void {
    this.isAway = false;
    this.log?.info({}, "Redis takes the guard's scripts again");
  }

  private scriptOf(verb: GuardVerb): Script {
    const known = this.loaded.get(verb);
    if (known) return known;
    const script = loadScript(join(__dirname, '..', 'scripts', `${verb}.lua`));
    this.loaded.set(verb, script);
    return script;
  }
}
