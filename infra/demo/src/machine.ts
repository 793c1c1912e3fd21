import { availableParallelism, totalmem } from 'node:os';
import type { Database } from '@holdfast/postgres';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import type { DemoSystem } from './demo-system';

/** What the figures were measured on. A server whose address is not known is `null`. */
export interface Machine {
  cores: number;
  memoryGb: number;
  node: string;
  postgres: string;
  redis: string | null;
  rabbitmq: string | null;
}

export type Durability = 'fsync' | 'memory';

export async function describeMachine(
  db: Database,
  { redisUrl, rabbitmqUrl }: Pick<DemoSystem, 'redisUrl' | 'rabbitmqUrl'>,
): Promise<Machine> {
  return {
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    postgres: (await setting(db, 'server_version')).split(' ')[0] ?? '',
    redis: redisUrl ? await redisVersion(redisUrl) : null,
    rabbitmq: rabbitmqUrl ? await rabbitmqVersion(rabbitmqUrl) : null,
  };
}

/** Whether a commit that was answered is on the disk, by the server's own settings. */
export async function readDurability(db: Database): Promise<Durability> {
  const settings = [await setting(db, 'fsync'), await setting(db, 'synchronous_commit')];
  return settings.includes('off') ? 'memory' : 'fsync';
}

async function setting(db: Database, name: string): Promise<string> {
  const [row] = await db.query<{ value: string }>('SELECT current_setting($1) AS value', [name]);
  return row?.value ?? '';
}

async function redisVersion(url: string): Promise<string | null> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1 });
  try {
    return /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? null;
  } finally {
    redis.disconnect();
  }
}

async function rabbitmqVersion(url: string): Promise<string | null> {
  const connection = await connect(url);
  try {
    const { version } = connection.connection.serverProperties as { version?: string };
    return version ?? null;
  } finally {
    await connection.close();
  }
}
