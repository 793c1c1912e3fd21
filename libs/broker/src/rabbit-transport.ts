import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { lastValueFrom, throwError, type Observable } from 'rxjs';
import type { Broker, SubscribeOptions } from './broker';
import type { Consumer } from './consumer';
import type { Contract } from './contract';
import type { Route } from './routes';

/** A queue of the service and the messages it carries; each needs a handler in a controller. */
export interface TransportQueue extends SubscribeOptions {
  contracts: readonly Contract[];
}

/**
 * Serves Nest's `@MessagePattern(Book.messageName)` and `@EventPattern(SeatsChanged.messageName)` by this library. A
 * handler gets the validated message as payload and the `Delivery` as context. What it returns decides: an `Outcome` is
 * obeyed, anything else is the reply (of a message pattern) and acknowledges; an exception is `retry`.
 *
 * The broker belongs to the application, which also sends with it and closes it after this transport.
 */
export class RabbitTransport extends Server implements CustomTransportStrategy {
  override transportId = Symbol('holdfast-rabbitmq');
  private consumers: Consumer[] = [];

  constructor(
    private readonly broker: Broker,
    private readonly queues: readonly TransportQueue[],
  ) {
    super();
  }

  /** Called by Nest. Does not wait for RabbitMQ: consuming begins when it is there. Fails on a handler without a queue. */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      const routed = this.queues.map(({ contracts, ...options }) => ({
        options,
        routes: contracts.map((contract) => this.route(contract)),
      }));
      this.requireQueueForEveryHandler();
      for (const { options, routes } of routed) this.consumers.push(await this.broker.subscribe(options, routes));
      callback();
    } catch (error) {
      callback(error);
    }
  }

  /** Called by Nest when it stops: waits for the handlers in flight. */
  async close(): Promise<void> {
    await Promise.all(this.consumers.splice(0).map((consumer) => consumer.stop()));
  }

  /** Nest's hook for a transport's events: the broker's state is read from the broker, there are none. */
  on(): void {}

  unwrap<T>(): T {
    return this.broker as T;
  }

  private requireQueueForEveryHandler(): void {
    const carried = new Set(this.queues.flatMap(({ contracts }) => contracts.map(({ messageName }) => messageName)));
    const unserved = [...this.messageHandlers.keys()].filter((pattern) => !carried.has(pattern));
    if (unserved.length > 0) throw new Error(`No queue carries what these handlers wait for: ${unserved.join(', ')}`);
  }

  private route(contract: Contract): Route {
    const handler = this.messageHandlers.get(contract.messageName) as MessageHandler<object, unknown> | undefined;
    if (!handler) throw new Error(`No controller handles ${contract.messageName}`);
    // Two handlers of one delivery cannot both decide about it: the second one gets a queue of its own.
    if (handler.next) throw new Error(`More than one handler for ${contract.messageName}`);
    return {
      contract,
      handle: (message, delivery) =>
        lastValueFrom(this.transformToObservable(handler(message, delivery)) as Observable<unknown>, {
          defaultValue: undefined,
        }),
    };
  }
}

/**
 * Hands a handler's exception to the transport as it is, so that the dead letter names it. (Nest's own filter replaces it
 * by "Internal server error".) For `useGlobalFilters` of the microservice.
 */
@Catch()
export class FaultFilter implements RpcExceptionFilter {
  catch(fault: unknown): Observable<never> {
    return throwError(() => fault);
  }
}
