import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { SeatsChangedWebhook } from '@holdfast/contracts';
import { system } from './system-under-test';

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

  /** Listens where the system reaches the suite; a host other than this machine's own name for itself means: anywhere. */
  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const host = system.receiverHost === '127.0.0.1' ? '127.0.0.1' : '0.0.0.0';
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
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
