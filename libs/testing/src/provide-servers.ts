import { LocalProvisioner } from './local-provisioner';
import { SERVER_VARIABLES, type TestServers } from './servers';
import { startContainers } from './test-containers';
import { containersAnswer } from './containers-answer';

interface Provided {
  servers: TestServers;
  stop: () => Promise<void>;
}

let provided: Provided | undefined;

/**
 * Jest's global setup of the integration tests: the servers named by the environment, else containers where an engine
 * answers, else private instances of the local provisioner. Spec files find them through `testServers()`.
 */
export default async function provideServers(): Promise<void> {
  if (Object.values(SERVER_VARIABLES).every((variable) => process.env[variable])) return;
  provided = (containersAnswer() ? await fromContainers() : undefined) ?? (await fromProvisioner());
  for (const [name, variable] of Object.entries(SERVER_VARIABLES)) {
    process.env[variable] = provided.servers[name as keyof TestServers];
  }
}

/** Jest's global teardown. */
export async function stopProvided(): Promise<void> {
  await provided?.stop();
  provided = undefined;
}

async function fromContainers(): Promise<Provided | undefined> {
  try {
    return await startContainers();
  } catch (error) {
    console.warn(`Containers cannot be used (${(error as Error).message}); starting private instances instead.`);
    return undefined;
  }
}

async function fromProvisioner(): Promise<Provided> {
  const [provisioner, { postgres, redis, rabbitmq }] = await LocalProvisioner.start(['postgres', 'redis', 'rabbitmq']);
  return {
    servers: {
      postgresUrl: postgres.adminUrl ?? postgres.url,
      redisUrl: redis.url,
      rabbitmqUrl: rabbitmq.url,
      rabbitmqApiUrl: rabbitmq.apiUrl ?? '',
    },
    stop: () => provisioner.end(),
  };
}
