import type { Command, Contract, ReplyOf } from './contract';
import type { Delivery } from './delivery';
import { encode, parseMessage } from './message';
import { messageCheck } from './message-schema';
import { ack, deadLetter, isOutcome, type Outcome } from './outcome';

/** One message class and what is done with it. */
export interface Route {
  contract: Contract;
  /** Called with a validated message. For a command its result is the reply, unless it is an outcome. */
  handle(message: object, delivery: Delivery): Promise<unknown>;
}

/** Handles an event or a timer: its outcome decides the acknowledgement. */
export function onMessage<T extends object>(
  contract: Contract<T>,
  handler: (message: T, delivery: Delivery) => Promise<Outcome>,
): Route {
  return { contract, handle: (message, delivery) => handler(message as T, delivery) };
}

/** Answers a command: the reply goes out when the handler's effect is committed, then the command is acknowledged. */
export function onCommand<T extends object, C extends Command<T>>(
  command: C & Command<T>,
  handler: (message: T, delivery: Delivery) => Promise<ReplyOf<C> | Outcome>,
): Route {
  return { contract: command, handle: (message, delivery) => handler(message as T, delivery) };
}

/** Sends a reply; must not reject, because the command is done whether or not anybody still waits for its answer. */
type SendReply = (delivery: Delivery, reply: Buffer) => Promise<void>;

/** The handler of a queue that carries several message classes. What cannot be read goes to the dead letters at once. */
export function routeMessages(
  routes: readonly Route[],
  sendReply: SendReply,
): (delivery: Delivery) => Promise<Outcome> {
  const byName = new Map(routes.map((route) => [route.contract.messageName, route]));
  // Compiled now: the first message may be the first of a rush, and a class that cannot be checked fails here.
  for (const { contract } of routes) messageCheck(contract);
  return async (delivery) => {
    const route = byName.get(delivery.messageName);
    if (!route) return deadLetter(`unknown message "${delivery.messageName}"`);
    const parsed = parseMessage<object>(route.contract, delivery.body);
    if (!parsed.ok) return deadLetter(`malformed: ${parsed.reason}`);
    const result = await route.handle(parsed.message, delivery);
    if (isOutcome(result)) return result;
    if (typeof result === 'object' && result !== null && delivery.replyTo) await sendReply(delivery, encode(result));
    return ack;
  };
}
