import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { SqsEmulator } from '@holdfast/testing';
import type { EngineRig } from '../engine-contract.spec';
import type { SqsSettings } from '../engine-parts';

const REGION = 'eu-central-1';
const QUEUE = 'timers';

/** An emulator with one queue. Each process reaches it over a link of its own, which can be cut. */
export async function sqsRig(): Promise<EngineRig> {
  const emulator = await SqsEmulator.start();
  const links: { cut: () => Promise<void> }[] = [];
  const settings = (endpoint: string): SqsSettings => ({ endpoint, region: REGION, queue: QUEUE });
  return {
    async connect() {
      const link = await linkTo(Number(new URL(emulator.endpoint).port));
      links.push(link);
      return { parts: { sqs: settings(link.url) }, cut: link.cut };
    },
    async leftBehind() {
      const { SQSClient, GetQueueUrlCommand, GetQueueAttributesCommand } = await import('@aws-sdk/client-sqs');
      const client = new SQSClient({ region: REGION, endpoint: emulator.endpoint });
      try {
        const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: QUEUE }));
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
        );
        const counts = Object.entries(Attributes).filter(([name]) => name.startsWith('ApproximateNumberOf'));
        return counts.reduce((sum, [, count]) => sum + Number(count), 0);
      } finally {
        client.destroy();
      }
    },
    async close() {
      await Promise.all(links.map(({ cut }) => cut()));
      await emulator.stop();
    },
  };
}

/**
 * Passes bytes to a port of this machine until it is cut, which drops every connection and refuses new ones, or hushed: then
 * connections stay open and no more answers come.
 */
export async function linkTo(port: number): Promise<{ url: string; cut: () => Promise<void>; hush: () => void }> {
  let hushed = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      if (!hushed) socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: async () => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
    hush: () => {
      hushed = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
  };
}
