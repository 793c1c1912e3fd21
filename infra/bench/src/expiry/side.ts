import type { PendingHolds } from './pending-holds';

/** A worker process that can be killed in the middle of things. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  kill(): Promise<void>;
  /** Again after `kill`; resolves when it is ready. */
  start(): Promise<void>;
}

/** What an engine did by its own count since its worker was started. */
export interface EngineReports {
  /** Holds it reported as due, repeats included. */
  due: number;
  /** Of them those that were released then. */
  released: number;
  lookedAgain: number;
  /** Holds that its own fallback found, because it had not been told of them. */
  recovered: number;
}

/** A contestant that runs: both ends of it. */
export interface Side {
  /** Hands the timers over; resolves when all are where the contestant keeps them. */
  schedule(pending: PendingHolds): Promise<void>;
  readonly worker: WorkerProcess;
  /** The hold-service that runs with the engine; a peer has none. */
  readonly holdService?: string;
  /** An engine of ours tells what it did; a peer does not. */
  reports?(): Promise<EngineReports>;
  /** Ends both ends, and forgets what was scheduled. */
  stop(): Promise<void>;
}
