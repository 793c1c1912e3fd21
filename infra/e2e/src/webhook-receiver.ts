import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Webhook } from 'standardwebhooks';
import type { SeatsChangedWebhook } from '@holdfast/contracts';
import { system } from './system-under-test';

const LOOPBACK = '127.0.0.1';
const ANYWHERE = '0.0.0.0';

interface Delivery {
  headers: Record<string, string>;
  body: string;
}

/** A seller's system that the system under test can reach. */
export class WebhookReceiver {
  readonly deliveries: Delivery[] = [];
  /** What it answers. */
  status = 204;

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        this.deliveries.push({ headers: request.headers as Record<string, string>, body });
        response.writeHead(this.status).end();
      });
    });
  }

  /** Listens at the address by which the system reaches the suite; when no interface here has it, at all of them. */
  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const host = system.receiverHost ?? LOOPBACK;
    const isOurs = Object.values(networkInterfaces()).some((its) => its?.some(({ address }) => address === host));
    await new Promise<void>((resolve) => server.listen(0, isOurs ? host : ANYWHERE, resolve));
    return new WebhookReceiver(server);
  }

  get url(): string {
    return `http://${system.receiverHost}:${(this.server.address() as AddressInfo).port}/hooks`;
  }

  /** Every entry that came, in the order of coming. @throws WebhookVerificationError for a signature that is not the secret's */
  entries(secret: string): SeatsChangedWebhook['data']['entries'] {
    const webhook = new Webhook(secret);
    return this.deliveries.flatMap(
      ({ body, headers }) => (webhook.verify(body, headers) as SeatsChangedWebhook).data.entries,
    );
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
