import { randomBytes } from 'node:crypto';
import { testServers } from './servers';

export interface TestVhost {
  /** AMQP address of a virtual host of its own. */
  url: string;
  name: string;
  drop(): Promise<void>;
}

/** A virtual host of its own for one spec file. Call in `beforeAll`, and `drop` in `afterAll`. */
export async function testVhost(): Promise<TestVhost> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await managementCall('PUT', name);
  const url = Object.assign(new URL(testServers().rabbitmqUrl), { pathname: `/${name}` }).toString();
  return { url, name, drop: () => managementCall('DELETE', name) };
}

async function managementCall(method: 'PUT' | 'DELETE', vhost: string): Promise<void> {
  const api = new URL(testServers().rabbitmqApiUrl);
  const authorization = `Basic ${Buffer.from(`${api.username}:${api.password}`).toString('base64')}`;
  const response = await fetch(new URL(`/api/vhosts/${vhost}`, api.origin), { method, headers: { authorization } });
  if (!response.ok) throw new Error(`RabbitMQ management: ${method} vhost answered ${response.status}`);
}
