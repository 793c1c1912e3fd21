import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SeatsChangedWebhook } from '@holdfast/contracts';
import { Webhook } from 'standardwebhooks';

/** What the receiver does with a delivery: answers with a status, says nothing, or hangs up. */
export type Reaction = number | 'hang' | 'hang-up';

export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** A seller's system for specs: a real HTTP server on this machine that keeps what it was sent. */
export class Receiver {
  readonly received: Received[] = [];
  /** How it reacts to each further delivery. */
  react: (received: Received) => Reaction | Promise<Reaction> = () => 204;
  answerHeaders: Record<string, string> = {};
  private readonly open = new Set<ServerResponse>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: 'http' | 'https',
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.take(request, response));
  }

  /** @param tls speaks https with this certificate, for the name `localhost` */
  static async start(tls?: { key: string; cert: string }): Promise<Receiver> {
    const server = tls ? createTlsServer(tls) : createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Receiver(server, tls ? 'https' : 'http');
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.scheme}://${this.scheme === 'https' ? 'localhost' : '127.0.0.1'}:${this.port}/hooks`;
  }

  /** The entries in the order in which they came, repeats and all. */
  get seqs(): number[] {
    return this.received.flatMap(({ body }) => payloadOf(body).data.entries.map(({ seq }) => seq));
  }

  get ids(): (string | undefined)[] {
    return this.received.map(({ headers }) => headers['webhook-id']);
  }

  async stop(): Promise<void> {
    for (const response of this.open) response.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const received = { headers: request.headers as Record<string, string>, body: Buffer.concat(chunks).toString() };
    this.received.push(received);
    const reaction = await this.react(received);
    if (reaction === 'hang') {
      this.open.add(response);
      return;
    }
    if (reaction === 'hang-up') request.socket.destroy();
    else response.writeHead(reaction, this.answerHeaders).end('thank you');
  }
}

/** What a seller's code does with a delivery. @throws WebhookVerificationError */
export function verified(secret: string, { headers, body }: Received): SeatsChangedWebhook {
  return new Webhook(secret).verify(body, headers) as SeatsChangedWebhook;
}

const payloadOf = (body: string) => JSON.parse(body) as SeatsChangedWebhook;
