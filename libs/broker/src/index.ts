export { Broker, openBroker, type SubscribeOptions } from './broker';
export type { BrokerState } from './connection';
export type { Consumer, ConsumeOptions, DeliveryHandler } from './consumer';
export type { Command, Contract, ReplyOf } from './contract';
export { HEADERS, type Delivery } from './delivery';
export { BrokerUnavailable, ReplyTimeout, Unroutable } from './errors';
export { encode, parseMessage, type Parsed } from './message';
export type { BrokerLog, BrokerOptions, TraceHook } from './options';
export { openDeadLetters, type DeadLetter, type DeadLetterBox } from './dead-letters';
export { declareOnce } from './declare-once';
export { FaultFilter, RabbitTransport, type TransportQueue } from './rabbit-transport';
export { ack, deadLetter, requeue, retry, type Outcome } from './outcome';
export type { Envelope } from './publisher';
export { onCommand, onMessage, type Route } from './routes';
export {
  DEAD_EXCHANGE,
  DEAD_LETTER_QUEUE,
  DELIVERY_LIMIT,
  waitingQueue,
  workQueue,
  type Binding,
  type Exchange,
  type Queue,
  type Topology,
} from './topology';
