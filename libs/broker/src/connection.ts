import { EventEmitter } from 'node:events';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { connect, type Channel, type ChannelModel, type RecoveringChannelModel } from 'amqplib';
import { BrokerUnavailable } from './errors';
import { sayGoodbye } from './goodbye';
import { CONNECT_TIMEOUT_MS, HEARTBEAT_S, RECONNECT_FIRST_MS, RECONNECT_MAX_MS, type BrokerSettings } from './options';
import { Publisher } from './publisher';
import { assertTopology, sharedTopology, type Topology } from './topology';

/** `blocked`: RabbitMQ has a memory or disk alarm and takes no message; what was delivered before goes on. */
export type BrokerState = 'connecting' | 'ready' | 'blocked' | 'closed';

/**
 * One connection that comes back by itself, with its topology and its confirm channel. Emits `ready` whenever both are
 * there again. The driver's own recovery reconnects; what stands on the connection is restored here, and not in the
 * driver's `setup`: when that fails, the driver waits for an answer to its goodbye, which a lost connection never gives.
 */
export class Connection extends EventEmitter<{ ready: [] }> {
  state: BrokerState = 'connecting';
  /** Why it is not ready, for health and for errors. */
  lastError = 'not connected yet';
  private readonly topologies: Topology[];
  private readonly asserting = new Set<Promise<void>>();
  private readonly opening: Promise<RecoveringChannelModel>;
  /** The connection that the driver has now. */
  private connected: ChannelModel | undefined;
  /** The same once everything stands on it. */
  private model: ChannelModel | undefined;
  private current: Publisher | undefined;

  constructor(private readonly settings: BrokerSettings) {
    super();
    // Every request that comes while the connection is made again waits for it.
    this.setMaxListeners(0);
    this.topologies = [sharedTopology(settings.retryDelaysMs)];
    this.opening = this.open();
  }

  /** @throws BrokerUnavailable at once when RabbitMQ takes no messages now. */
  get publisher(): Publisher {
    if (this.state !== 'ready' || !this.current) throw new BrokerUnavailable(this.lastError);
    return this.current;
  }

  async openChannel(): Promise<Channel> {
    if (!this.model) throw new BrokerUnavailable(this.lastError);
    const channel = await this.model.createChannel();
    // An error event without a listener would end the process; the operation that failed rejects with the same reason.
    channel.on('error', () => undefined);
    return channel;
  }

  /**
   * Adds to what is asserted at every connect, and asserts it now if connected. What may be impossible on some brokers is
   * tried by `declareOnce` first: one that closes the connection would be asserted again at every connect.
   */
  async declare(topology: Topology): Promise<void> {
    const { model } = this;
    this.topologies.push(topology);
    if (!model) return;
    try {
      await this.assertOnOwnChannel(model, [topology]);
    } catch (error) {
      // Lost on the way: it is asserted with the next connect. RabbitMQ 3.10 closes a connection that declares a quorum
      // queue at the same time as another, as when two services start together on a new broker.
      await setImmediate();
      if (this.model !== model) return;
      // One impossible declaration must not keep every later connect from succeeding.
      this.topologies.splice(this.topologies.indexOf(topology), 1);
      throw error;
    }
  }

  /** Asserts everything again: a consumer whose queue was deleted calls for it. */
  async redeclare(): Promise<void> {
    if (this.model) await this.assertOnOwnChannel(this.model, this.topologies);
  }

  async close(): Promise<void> {
    this.state = 'closed';
    this.lastError = 'closed by this process';
    this.connected = undefined;
    const connection = await this.opening;
    // Cut off in the middle of its declarations, RabbitMQ 3.10 can be left unable to dead-letter at all.
    await Promise.allSettled(this.asserting);
    await connection.close();
    this.model = undefined;
  }

  private async open(): Promise<RecoveringChannelModel> {
    const { log, name } = this.settings;
    const connection = await connect(withHeartbeat(this.settings.url), {
      timeout: CONNECT_TIMEOUT_MS,
      noDelay: true,
      clientProperties: { connection_name: name },
      recovery: {
        waitForConnect: false,
        initialDelay: RECONNECT_FIRST_MS,
        maxDelay: RECONNECT_MAX_MS,
      },
    });
    connection.on('connect', (model: ChannelModel) => void this.restore(model));
    connection.on('disconnect', (error: Error) => {
      this.connected = undefined;
      this.lose(`the connection was lost (${error.message})`);
    });
    connection.on('connect-failed', (error: Error) => this.lose(`it cannot be reached (${error.message})`));
    connection.on('blocked', (reason: string) => {
      this.lastError = `it takes no messages (${reason})`;
      if (this.state === 'ready') this.state = 'blocked';
      log.warn({ reason }, 'RabbitMQ blocks publishers');
    });
    connection.on('unblocked', () => {
      if (this.state === 'blocked') this.state = 'ready';
      log.info({}, 'RabbitMQ takes messages again');
    });
    // The loss that follows is handled by `disconnect`.
    connection.on('error', () => undefined);
    return connection;
  }

  /** Tries for as long as this connection lives to make everything stand that must before it counts as ready. */
  private async restore(model: ChannelModel): Promise<void> {
    if (this.state === 'closed') return;
    this.connected = model;
    for (
      let pauseMs = RECONNECT_FIRST_MS;
      this.connected === model;
      pauseMs = Math.min(pauseMs * 2, RECONNECT_MAX_MS)
    ) {
      try {
        return await this.makeStand(model);
      } catch (error) {
        // That the connection itself was lost is told a moment after its channels were.
        await setImmediate();
        if (this.connected !== model) return;
        this.lose(`not everything could be declared (${String(error)})`);
      }
      await sleep(pauseMs, undefined, { ref: false });
    }
  }

  private async makeStand(model: ChannelModel): Promise<void> {
    const { confirmTimeoutMs, outstandingMax } = this.settings;
    const channel = await model.createConfirmChannel();
    const publisher = new Publisher(channel, { confirmTimeoutMs, outstandingMax });
    channel.on('close', () => void this.replace(publisher, model));
    try {
      // Some may be added meanwhile: no moment may lie between the last look and `model`, from which on `declare` asserts.
      for (let asserted = 0; asserted < this.topologies.length;) {
        const added = this.topologies.slice(asserted);
        await this.assertOnOwnChannel(model, added);
        asserted += added.length;
      }
      if (publisher.failure) throw new BrokerUnavailable(publisher.failure);
    } catch (error) {
      void sayGoodbye(channel);
      throw error;
    }
    if (this.connected !== model) return;
    this.current = publisher;
    this.model = model;
    this.becomeReady();
  }

  /** RabbitMQ closes a channel alone when, for example, the exchange it publishes to was deleted. */
  private async replace(publisher: Publisher, model: ChannelModel): Promise<void> {
    // A lost connection closes its channels first and is told afterwards.
    await setImmediate();
    if (this.current !== publisher || this.connected !== model) return;
    this.lose(`the channel for publishing was closed (${publisher.failure})`);
    await this.restore(model);
  }

  private async assertOnOwnChannel(model: ChannelModel, topologies: Topology[]): Promise<void> {
    const work = assertAll(model, topologies);
    this.asserting.add(work);
    try {
      await work;
    } finally {
      this.asserting.delete(work);
    }
  }

  private becomeReady(): void {
    if (this.state === 'closed') return;
    this.state = 'ready';
    this.settings.log.info({}, 'Connected to RabbitMQ');
    this.emit('ready');
  }

  private lose(reason: string): void {
    if (this.state === 'closed') return;
    // A broker that stays away is said once, not at every attempt.
    if (this.lastError !== reason) this.settings.log.warn({ reason }, 'RabbitMQ is not available; reconnecting');
    this.state = 'connecting';
    this.lastError = reason;
    this.model = undefined;
    this.current = undefined;
  }
}

async function assertAll(model: ChannelModel, topologies: Topology[]): Promise<void> {
  const channel = await model.createChannel();
  channel.on('error', () => undefined);
  for (const topology of topologies) await assertTopology(channel, topology);
  await sayGoodbye(channel);
}

function withHeartbeat(url: string): string {
  const address = new URL(url);
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', String(HEARTBEAT_S));
  return address.toString();
}
