/** Types of system.mjs, for TypeScript callers: `const { startSystem } = await import('../../local/system.mjs')`. */

export type ServiceName =
  'sandbox-provider' | 'hold-service' | 'payment-service' | 'expiry-worker' | 'webhook-service' | 'gateway';

export interface SystemOptions {
  /** Data, logs, secrets and state of this system; absolute. `npm start` uses `.local`; everything else takes a folder of its own. */
  folder: string;
  /** The expiry engine, or a comma list while it is being changed. Default `parking`. */
  engine?: string;
  /** Settings of Postgres beside the usual ones, for example `{ track_commit_timestamp: 'on' }`; not of one given by URL. */
  postgresSettings?: Record<string, string>;
  /** Instances of the hold-service behind the gateway. Default 1. */
  instances?: number;
  /** The gateway's port, and no other. */
  port?: number;
  /** Takes the usual ports where they are free, as `npm start` does; else any free ones. */
  usualPorts?: boolean;
  /** Receives one line of progress at a time. Default: standard error. */
  log?: (line: string) => void;
  /** Creates the sample event with 50,000 seats when there is none yet. Default false. */
  sampleEvent?: boolean;
  /** Further variables for every service, for example `{ HOLDFAST_LOG_LEVEL: 'warn' }`. */
  env?: Record<string, string>;
  /** Seconds between a service's death and its restart grow; false leaves a dead service dead (drills, demo). Default false. */
  restart?: boolean;
  /** Ends a start that is under way: whatever was started is stopped again, and `startSystem` rejects. */
  abort?: AbortSignal;
}

export interface RunningProcess {
  readonly pid: number | undefined;
  /** Base URL of the process, the same after a restart. */
  readonly url: string;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
  /** Starts it again after `kill` or `stop` (stops it first otherwise), and waits until it is ready. */
  restart(): Promise<void>;
}

export interface RunningServer {
  /** Its main process; undefined in a container. */
  readonly pid: number | undefined;
  /** The same after a restart. */
  readonly url: string;
  kill(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

export interface RunningSystem {
  /** The gateway's URL; everything public is behind it. */
  url: string;
  tokens: { organiser: string; buyer: string };
  /** A token of this system for anybody; valid 30 days. Synchronous and cheap: mint one per simulated buyer. */
  token(subject: string, roles: ('buyer' | 'organiser' | 'service')[]): string;
  /** Direct URLs, without the gateway: health and metrics are there. */
  services: Record<ServiceName, string>;
  /**
   * Addresses with the owner's rights, for reading ledger and seats, and of Postgres' superuser; null where a server was
   * given by the environment without it.
   */
  servers: {
    postgresUrl: string;
    postgresAdminUrl: string | null;
    redisUrl: string;
    rabbitmqUrl: string;
    rabbitmqApiUrl: string | null;
  };
  /** Secret key that the sandbox provider accepts. */
  stripeSecretKey: string;
  /** Secret that the sandbox provider signs webhooks with. */
  stripeWebhookSecret: string;
  jwtSecret: string;
  processes: Record<ServiceName, RunningProcess>;
  /** Every instance of the hold-service; the first is `processes['hold-service']`. */
  holdServices: RunningProcess[];
  /** The servers this system started; one that was given by URL is missing here. */
  serverProcesses: Partial<Record<'postgres' | 'redis' | 'rabbitmq', RunningServer>>;
  /** The sample event, when asked for. */
  eventId?: string;
  /** Stops gateway, services and servers in this order; leaves the data. */
  stop(): Promise<void>;
}

/**
 * Brings up servers, schema and services in one folder and waits until everything is ready.
 * The workspace must be built (`npm start`, `npm test` and `run.mjs` do that first).
 *
 * @throws Error with one sentence that says what is missing or which process died, with the end of its log.
 *         Whatever was started before is stopped again.
 */
export function startSystem(options: SystemOptions): Promise<RunningSystem>;
