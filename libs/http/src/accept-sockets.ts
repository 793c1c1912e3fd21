import { createServer, Server, type AddressInfo, type ListenOptions, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Listening sockets of one server. Node accepts one connection of each a turn of its event loop, and a turn of a
 * hold-service in a rush takes a millisecond or two: through one socket the last of 3,000 connections waited for seconds,
 * however fast requests are answered. See docs/decisions/031-many-listening-sockets.md.
 */
const ACCEPT_SOCKETS = 16;
/**
 * Connections the system keeps for a socket that has not accepted them yet. With Node's own number (511) a rush that opens
 * thousands at once overflows it; those dropped are tried again by their client's system after 1 s, then after 2 s more.
 * Linux takes `net.core.somaxconn` where that is less.
 */
const UNACCEPTED_CONNECTIONS_MAX = 4_096;
/** Linux shares connections out evenly among the sockets of a port; Node asks it to since 23.1. Elsewhere one must do. */
const CAN_SHARE_PORT = process.platform === 'linux' && Number(process.versions.node.split('.')[0]) >= 24;

/** `reusePort` is not in the types of Node 20. */
type PortOptions = ListenOptions & { reusePort?: boolean };

/** Lets a Fastify server accept by several sockets on its port, as if it had one. */
export class AcceptSockets {
  private readonly further: Server[] = [];
  private readonly connections = new Set<Socket>();
  private closed: Promise<unknown> = Promise.resolve();

  /** @param fastify not listening yet */
  constructor(private readonly fastify: FastifyInstance) {
    fastify.server.on('connection', (connection) => {
      this.connections.add(connection);
      connection.once('close', () => this.connections.delete(connection));
    });
    fastify.addHook('preClose', (done) => {
      this.closed = Promise.all(this.further.map(close));
      done();
    });
    // A request that came by one of ours is waited for as those of the server's own are.
    fastify.addHook('onClose', async () => void (await this.closed));
  }

  /**
   * @param listen makes the server listen with the options it is given
   * @throws Error of `listen`, for example EADDRINUSE
   */
  async open(
    address: { port: number; host: string },
    listen: (options: ListenOptions) => Promise<unknown>,
  ): Promise<void> {
    const options = { ...address, backlog: UNACCEPTED_CONNECTIONS_MAX };
    if (!CAN_SHARE_PORT) return void (await listen(options));
    // A shared port is shared with any stranger who shares his: first it must be free of others, as it must without.
    await close(await openSocket(options));
    const shared: PortOptions = { ...options, reusePort: true };
    await listen(shared);
    const { port } = this.fastify.server.address() as AddressInfo;
    for (let nth = 2; nth <= ACCEPT_SOCKETS; nth++) {
      const socket = await openSocket({ ...shared, port });
      this.further.push(socket.on('connection', (connection) => this.fastify.server.emit('connection', connection)));
    }
  }

  /** How many connections are open. */
  get connectionsOpen(): number {
    return this.connections.size;
  }

  /** From now on connections are refused. Those that are open stay, also the idle ones, which `close` would end. */
  stopAccepting(): void {
    for (const socket of [this.fastify.server, ...this.further]) Server.prototype.close.call(socket);
  }

  /** Ends connections on which nothing has ever been asked: Node takes them for busy, and `close` would wait for them. */
  endUnasked(): void {
    for (const connection of this.connections) if (connection.bytesRead === 0) connection.destroy();
  }
}

function openSocket(options: ListenOptions): Promise<Server> {
  return new Promise((resolve, reject) => {
    // As Node's HTTP server asks for its own.
    const socket = createServer({ allowHalfOpen: true, noDelay: true });
    socket.once('error', reject).listen(options, () => resolve(socket));
  });
}

/** Resolves when its connections are closed too. */
function close(socket: Server): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
