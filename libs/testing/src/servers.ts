/** Where the real servers of this test run are. */
export interface TestServers {
  /** A superuser, in a database that exists. */
  postgresUrl: string;
  redisUrl: string;
  rabbitmqUrl: string;
  /** RabbitMQ's management interface, with credentials; makes and drops a virtual host per spec file. */
  rabbitmqApiUrl: string;
}

export const SERVER_VARIABLES: Record<keyof TestServers, string> = {
  postgresUrl: 'HOLDFAST_TEST_POSTGRES_URL',
  redisUrl: 'HOLDFAST_TEST_REDIS_URL',
  rabbitmqUrl: 'HOLDFAST_TEST_RABBITMQ_URL',
  rabbitmqApiUrl: 'HOLDFAST_TEST_RABBITMQ_API_URL',
};

/** The servers of this run: named by whoever started it, or provided by Jest's global setup (`provide-servers.ts`). */
export function testServers(env: NodeJS.ProcessEnv = process.env): TestServers {
  return {
    postgresUrl: required(env, SERVER_VARIABLES.postgresUrl),
    redisUrl: required(env, SERVER_VARIABLES.redisUrl),
    rabbitmqUrl: required(env, SERVER_VARIABLES.rabbitmqUrl),
    rabbitmqApiUrl: required(env, SERVER_VARIABLES.rabbitmqApiUrl),
  };
}

function required(env: NodeJS.ProcessEnv, variable: string): string {
  const value = env[variable];
  if (!value) throw new Error(`${variable} is not set: only .int.spec files are given servers.`);
  return value;
}
