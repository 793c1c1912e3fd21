/** Holds of one event to look at when `deadline` has come: what a peer carries as one job. */
export interface ReleaseJob {
  eventId: string;
  holdIds: string[];
  /** Milliseconds since the epoch by the database's clock, with a fraction. */
  deadlineMs: number;
}

/** Called for each job that is due; the job is done when it resolves, and to be tried again when it rejects. */
export type ReleaseJobHandler = (job: ReleaseJob) => Promise<void>;

/** A job queue with delayed jobs, as a user would put it in the place of an expiry engine. */
export interface Peer {
  /** Puts jobs in place, in bulk where the peer can; resolves when all are stored. */
  schedule(jobs: ReleaseJob[]): Promise<void>;
  /** Begins to work. */
  work(release: ReleaseJobHandler): Promise<void>;
  /** Stops working and closes its connections. */
  stop(): Promise<void>;
  /** Forgets all jobs, after `stop`. Nobody may be working. */
  clear(): Promise<void>;
}

export interface PeerAddresses {
  /** A role that may create a schema, and may release holds. */
  postgresUrl: string;
  redisUrl: string;
}

/** A delay must not end before the deadline: times with whole milliseconds are rounded up. */
export const dueDate = ({ deadlineMs }: ReleaseJob): Date => new Date(Math.ceil(deadlineMs));
