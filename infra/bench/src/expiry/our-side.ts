import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBroker } from '@holdfast/broker';
import { DatabaseClock, openScheduler, type ExpiryScheduler } from '@holdfast/expiry';
import type { Database } from '@holdfast/postgres';
import { openRedis } from '@holdfast/redis';
import { SqsEmulator } from '@holdfast/testing';
import { BenchProcess } from '../bench-process';
import type { BenchSystem } from '../bench-system';
import type { OurEntrant } from './contestants';
import { deadlinesOf, type PendingHolds } from './pending-holds';
import type { EngineReports, Side } from './side';

const serviceProgram = (name: string) => join('services', name, 'dist', 'main.js');
/** Where the engine `timing-wheel` keeps its timers. */
export const journalFolder = ({ folder }: BenchSystem): string => join(folder, 'timer-journal');

const READY_MS = 30_000;
/** The scheduler drops what does not fit its buffer, as it must in the hold-service; here it is waited for. */
const WAITING_MAX = 10_000;
const LOOK_EVERY_MS = 5;
const SQS_REGION = 'eu-central-1';
const SQS_QUEUE = 'bench-timers';

/**
 * The product with one engine: the expiry-worker and the hold-service as they are deployed. The holds of the bench are
 * handed to the engine's scheduler in this process, as the hold-service does after each commit.
 *
 * @throws Error with the engine's own words when the machine cannot run it
 */
export async function openOurSide(
  system: BenchSystem,
  db: Database,
  workerUrl: string,
  { engine, env }: OurEntrant,
): Promise<Side> {
  const { rabbitmqUrl, redisUrl } = system.servers;
  const ends: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of ends.reverse()) await end();
  };
  try {
    const broker = openBroker({ url: rabbitmqUrl, name: 'bench-scheduler' });
    ends.push(() => broker.close());
    await broker.whenReady(READY_MS);
    const clock = await DatabaseClock.open(db);
    ends.push(() => clock.close());
    const sqs = engine === 'sqs' ? await SqsEmulator.start() : undefined;
    if (sqs) ends.push(() => sqs.stop());
    const redis = openRedis({ url: redisUrl, connectionName: 'bench-scheduler' });
    ends.push(() => Promise.resolve(redis.disconnect()));
    const scheduler = await openScheduler(engine, {
      clock,
      rabbitmq: { broker, url: rabbitmqUrl },
      redis: { commands: redis, keyPrefix: '', openSubscriber: () => redis },
      sqs: sqs && { endpoint: sqs.endpoint, region: SQS_REGION, queue: SQS_QUEUE },
    });
    ends.push(() => scheduler.close());

    const settings = {
      HOLDFAST_EXPIRY_ENGINE: engine,
      HOLDFAST_TIMER_JOURNAL: journalFolder(system),
      ...(sqs && {
        ...SqsEmulator.CREDENTIALS,
        ...{ HOLDFAST_SQS_ENDPOINT: sqs.endpoint, HOLDFAST_SQS_REGION: SQS_REGION, HOLDFAST_SQS_QUEUE: SQS_QUEUE },
      }),
      ...env,
    };
    const holdService = await BenchProcess.start(system, settings, serviceProgram('hold-service'));
    ends.push(() => holdService.stop());
    const worker = await BenchProcess.start(
      system,
      { ...settings, HOLDFAST_POSTGRES_URL: workerUrl },
      serviceProgram('expiry-worker'),
    );
    ends.push(() => worker.stop());
    return {
      worker,
      holdService: holdService.origin,
      schedule: (pending) => schedule(scheduler, pending),
      reports: () => readReports(worker.origin),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function schedule(scheduler: ExpiryScheduler, pending: PendingHolds): Promise<void> {
  for (const holds of deadlinesOf(pending)) {
    scheduler.schedule(holds);
    while (scheduler.counts.waiting > WAITING_MAX) await sleep(LOOK_EVERY_MS);
  }
  while (scheduler.counts.waiting > 0) await sleep(LOOK_EVERY_MS);
  if (scheduler.counts.dropped > 0) throw new Error(`The scheduler dropped ${scheduler.counts.dropped} timers`);
}

async function readReports(origin: string): Promise<EngineReports> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const counter = (name: string) =>
    Number(new RegExp(`^holdfast_${name}_total(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    due: counter('due_holds'),
    released: counter('released_holds'),
    lookedAgain: counter('holds_looked_again'),
    recovered: counter('timers_recovered') + counter('timers_missed'),
  };
}
