/**
 * The contract every expiry engine keeps, both ends of it. The hold side schedules; the worker side is told when holds
 * are due. An engine only says **when to look**: Postgres decides in `expire` whether a hold really ran out, and the
 * sweeper finds whatever an engine lost. So an engine may deliver twice, late or early; it must not stay silent when its
 * transport works, and it must not lose a hold it delivered early.
 */

/** The engines that exist, by their names in `HOLDFAST_EXPIRY_ENGINE`; `open-engine.ts` says how each is made. */
export const EXPIRY_ENGINES = ['parking', 'delayed-exchange', 'keyspace', 'timing-wheel', 'sqs', 'sweep'] as const;
export type ExpiryEngineName = (typeof EXPIRY_ENGINES)[number];

/** A hold and the time of the database's clock at which it runs out. */
export interface HoldDeadline {
  eventId: string;
  holdId: string;
  deadline: Date;
}

/** Holds since the scheduler was opened. `scheduled = handedOver + dropped + waiting`. */
export interface ScheduleCounts {
  /** Given to `schedule`. */
  scheduled: number;
  /** Confirmed by the transport. */
  handedOver: number;
  /** Given up, because the buffer was full or the deadline came first: the sweeper finds these. */
  dropped: number;
  /** In the buffer, not confirmed yet. */
  waiting: number;
}

/** The hold side. */
export interface ExpiryScheduler {
  /**
   * Schedules the release of committed holds. Returns at once, never throws and never waits for the transport: a buffer of
   * bounded size keeps the timers while the transport is slow or away, and what does not fit is dropped and counted.
   * An extension needs no call: the worker looks again at the deadline the database names.
   */
  schedule(holds: HoldDeadline[]): void;
  readonly counts: Readonly<ScheduleCounts>;
  /** Hands over what still waits, within a bounded time; the rest is left to the sweeper. What the caller gave stays open. */
  close(): Promise<void>;
}

/** Holds that were not due yet, and the deadline at which to look again. */
export interface LookAgain {
  deadline: Date;
  holdIds: string[];
}

/** Every hold that is in no group of `again` is finished with: released now, or already gone. */
export interface DueOutcome {
  again: LookAgain[];
}

/**
 * Called at or shortly after `deadline`, possibly more than once for the same hold. A rejection means "not now" (Postgres
 * is away): the engine keeps the holds and calls again.
 */
export type OnDue = (eventId: string, holdIds: string[], deadline: Date) => Promise<DueOutcome>;

/** Holds since the engine was started. */
export interface EngineCounts {
  /** Handed to `onDue`, repeats included. */
  due: number;
  /** Found not due by the database and looked at again: extensions and early deliveries. */
  lookedAgain: number;
  /** Timers sent on to a further wait, because the deadline was not near yet. */
  hops: number;
  /** Only where the transport may forget to tell: found by the engine's own fallback, long after their deadline. */
  recovered?: number;
  /** Of the same kind: had run out when the engine began to listen, at its start or after a lost connection. */
  missed?: number;
}

/** Of an engine that has done nothing yet. */
export const noCounts = (): EngineCounts => ({ due: 0, lookedAgain: 0, hops: 0 });

/** The worker side. */
export interface ExpiryEngine {
  /** Starts to listen. Rejects with `EngineUnavailable` when the transport cannot do what the engine needs (a plugin is missing). */
  start(onDue: OnDue): Promise<void>;
  /** Stops listening and waits for the calls of `onDue` in flight; timers not yet due go back to the transport. */
  stop(): Promise<void>;
  readonly counts: Readonly<EngineCounts>;
}
