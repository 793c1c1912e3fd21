import { HoldDeadlines } from '@holdfast/contracts';
import { workQueue, type Envelope, type Topology } from '@holdfast/broker';
import type { Timer } from './timer';

/** Where timers arrive when they are due, or on their way to it: every engine in RabbitMQ ends here. */
export const DUE_QUEUE = 'holdfast.due';

/** The key that leads straight into the due queue. */
export const DUE_KEY = HoldDeadlines.bindingKey;

/** The envelope of a timer: one that reaches no queue is an error, its holds would be forgotten until the sweeper comes. */
export function timerEnvelope(routingKey: string): Envelope {
  return {
    exchange: HoldDeadlines.exchange,
    routingKey,
    messageName: HoldDeadlines.messageName,
    mandatory: true,
  };
}

export function timerMessage({ eventId, deadline, holdIds }: Timer): HoldDeadlines {
  return { eventId, deadline: deadline.toISOString(), holdIds };
}

export const dueTopology: Topology = workQueue(DUE_QUEUE, [{ exchange: HoldDeadlines.exchange, routingKey: DUE_KEY }]);
