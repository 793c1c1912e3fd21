import { openBroker } from '@holdfast/broker';
import { testServers, testVhost } from '@holdfast/testing';
import type { EngineRig } from '../engine-contract.spec';

const READY_MS = 20_000;

/** A virtual host of its own, and a connection for each process that the contract plays. */
export async function rabbitmqRig(): Promise<EngineRig> {
  const vhost = await testVhost();
  const close: (() => Promise<void>)[] = [];
  return {
    async connect(who) {
      const broker = openBroker({ url: vhost.url, name: who, closeTimeoutMs: 2_000 });
      close.push(() => broker.close());
      await broker.whenReady(READY_MS);
      // With handlers that hang, this ends the connection with its messages unacknowledged, as a kill does.
      return { parts: { rabbitmq: { broker, url: vhost.url } }, cut: () => broker.close() };
    },
    leftBehind: () => messagesIn(vhost.name),
    async close() {
      await Promise.all(close.map((end) => end()));
      await vhost.drop();
    },
  };
}

/** Messages in all queues of a virtual host, waiting or on their way, as the management interface last counted them. */
async function messagesIn(vhost: string): Promise<number> {
  const { origin, username, password } = new URL(testServers().rabbitmqApiUrl);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const answer = await fetch(`${origin}/api/queues/${vhost}?columns=messages`, { headers: { authorization } });
  const queues = (await answer.json()) as { messages?: number }[];
  return queues.reduce((sum, { messages = 0 }) => sum + messages, 0);
}
