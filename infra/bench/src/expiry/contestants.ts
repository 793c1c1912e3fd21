import { PEERS, type PeerName } from '@holdfast/bench-peers';
import type { ExpiryEngineName } from '@holdfast/expiry';
import type { TimerDurability } from './expiry-row';
import type { ScenarioName } from './scenarios';

/** Which server keeps the timers: it is killed in `kill`, and what it grows by counts as their memory. */
export type TimerServer = 'rabbitmq' | 'redis' | 'postgres' | 'emulator';

interface Entrant {
  /** Which of several settings of the same engine. */
  variant: string;
  server: TimerServer;
  durability: TimerDurability;
  scenarios: readonly ScenarioName[];
}

/** An engine of ours: hold-service and expiry-worker run with it. */
export interface OurEntrant extends Entrant {
  kind: 'ours';
  engine: ExpiryEngineName;
  /** Settings of the worker besides the engine. */
  env: Record<string, string>;
  /** It needs something that the machine may not have, and then is skipped with its own words. */
  mayBeMissing?: boolean;
  /** How long the bench waits for what is still held, where the usual time is too short for the engine. */
  patienceMs?: number;
  /** Too slow for a quick round. */
  fullOnly?: boolean;
}

/** A job queue in the engine's place. */
export interface PeerEntrant extends Entrant {
  kind: 'peer';
  engine: PeerName;
  tuned: boolean;
}

export type Contestant = OurEntrant | PeerEntrant;

/** How long holds of ours that are still held are waited for after the last deadline: the sweeper needs a second or two. */
export const OUR_PATIENCE_MS = 20_000;

const PROMPT: readonly ScenarioName[] = ['steady', 'burst', 'kill'];

/** A line for each engine and setting of ours. */
const OURS: Omit<OurEntrant, 'kind'>[] = [
  {
    ...{ engine: 'parking', variant: 'default', server: 'rabbitmq', durability: 'fsync', env: {} },
    scenarios: [...PROMPT, 'million'],
  },
  {
    ...{ engine: 'delayed-exchange', variant: 'default', server: 'rabbitmq', durability: 'fsync', env: {} },
    ...{ mayBeMissing: true, scenarios: PROMPT },
  },
  {
    ...{ engine: 'timing-wheel', variant: 'default', server: 'rabbitmq', durability: 'fsync', env: {} },
    scenarios: [...PROMPT, 'million'],
  },
  {
    ...{ engine: 'keyspace', variant: 'default', server: 'redis', durability: 'memory', env: {} },
    scenarios: [...PROMPT, 'crowd'],
  },
  {
    // What a kill of the emulator loses says nothing of the service.
    ...{ engine: 'sqs', variant: 'emulator', server: 'emulator', durability: 'memory', env: {} },
    scenarios: ['steady', 'burst'],
  },
  sweepEvery(1),
  sweepEvery(10),
  { ...sweepEvery(60), fullOnly: true },
];

function sweepEvery(seconds: number): Omit<OurEntrant, 'kind'> {
  return {
    ...{ engine: 'sweep', variant: `every ${seconds} s`, server: 'postgres', durability: 'fsync' },
    env: { HOLDFAST_SWEEP_EVERY_MS: `${seconds * 1_000}` },
    patienceMs: seconds * 1_000 + OUR_PATIENCE_MS,
    scenarios: seconds === 1 ? PROMPT : ['steady'],
  };
}

/** BullMQ keeps its jobs as safely as its Redis does: with an append-only file, written to the disk every second. */
const PEER_SERVERS: Record<PeerName, Pick<Entrant, 'server' | 'durability'>> = {
  bullmq: { server: 'redis', durability: 'everysec' },
  'pg-boss': { server: 'postgres', durability: 'fsync' },
  'graphile-worker': { server: 'postgres', durability: 'fsync' },
};

/** All who take part, ours first. Peers with their defaults do not take part in `kill`: what they lose there is a setting. */
export const CONTESTANTS: readonly Contestant[] = [
  ...OURS.map((entrant): Contestant => ({ kind: 'ours', ...entrant })),
  ...PEERS.flatMap((engine): Contestant[] => [
    {
      ...{ kind: 'peer', engine, variant: 'default', tuned: false },
      ...PEER_SERVERS[engine],
      scenarios: ['steady', 'burst'],
    },
    { ...{ kind: 'peer', engine, variant: 'tuned', tuned: true }, ...PEER_SERVERS[engine], scenarios: PROMPT },
  ]),
];

export const ENGINE_NAMES = [...new Set(CONTESTANTS.map(({ engine }) => engine))];

/** Holds that one message of ours, or one job of a peer, carries in a scenario: a peer's defaults know no batches. */
export function holdsPerMessage(contestant: Contestant, perGroup: number): number {
  return contestant.kind === 'peer' && !contestant.tuned ? 1 : perGroup;
}
