/** Where the real servers of this test run are. */
export interface TestServers {
  postgresUrl: string;
  redisUrl: string;
  rabbitmqUrl: string;
  /** RabbitMQ's management interface, with credentials; makes and drops a virtual host per spec file. */
  rabbitmqApiUrl: string;
}

/** The servers named by the environment. `npm test` provides and names them. */
export function testServers(env: NodeJS.ProcessEnv = process.env): TestServers {
  return {
    postgresUrl: required(env, 'HOLDFAST_TEST_POSTGRES_URL'),
    redisUrl: required(env, 'HOLDFAST_TEST_REDIS_URL'),
    rabbitmqUrl: required(env, 'HOLDFAST_TEST_RABBITMQ_URL'),
    rabbitmqApiUrl: required(env, 'HOLDFAST_TEST_RABBITMQ_API_URL'),
  };
}

function required(env: NodeJS.ProcessEnv, variable: string): string {
  const value = env[variable];
  if (!value) throw new Error(`${variable} is not set: run the tests with \`npm test\`, which provides the servers.`);
  return value;
}
