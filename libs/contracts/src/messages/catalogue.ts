import { BeginPayment } from './begin-payment';
import { Book } from './book';
import { EndPayment } from './end-payment';
import { HoldDeadlines } from './hold-deadlines';
import { LateBook } from './late-book';
import { SeatsChanged } from './seats-changed';
import { Unbook } from './unbook';

/** What every message class says of itself, beside its fields. */
export interface MessageClass {
  new (): object;
  /** Name with version; travels as the message's AMQP type. A change that breaks readers is a new name. */
  readonly messageName: string;
  /** An event may have no reader; a command or a timer that reaches no queue is an error. */
  readonly kind: 'event' | 'command' | 'timer';
  readonly exchange: string;
  /** The key a queue is bound with to get every message of this class. */
  readonly bindingKey: string;
  readonly sentWhen: string;
  readonly example: object;
  /** Commands only: the reply class for each `outcome`. */
  readonly replies?: Record<string, new () => object>;
  readonly replyExamples?: object[];
}

/** Every message there is, in the order of the catalogue in `docs/messages.md`. */
export const MESSAGES: readonly MessageClass[] = [
  SeatsChanged,
  HoldDeadlines,
  BeginPayment,
  Book,
  LateBook,
  EndPayment,
  Unbook,
];
