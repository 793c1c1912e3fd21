/** What the library needs to know of a message class: passed in by structure, so that it depends on no domain. */
export interface Contract<T extends object = object> {
  /** The wire shape, with class-validator's decorators: see `messageCheck`. */
  new (): T;
  /** Name with version, `book.v1`; the AMQP type of the message. */
  readonly messageName: string;
  /** An event may have no reader; a command or a timer that reaches no queue is `Unroutable`. */
  readonly kind: 'event' | 'command' | 'timer';
  readonly exchange: string;
  /** The key a queue is bound with to get every message of this class. */
  readonly bindingKey: string;
  // A method, so that a list may hold contracts of different messages.
  routingKey(message: T): string;
}

/** A message that is answered. The reply's `outcome` names its class. */
export interface Command<T extends object = object> extends Contract<T> {
  readonly replies: Readonly<Record<string, new () => object>>;
}

/** The union of a command's reply classes. */
export type ReplyOf<C extends { readonly replies: Readonly<Record<string, new () => object>> }> = InstanceType<
  C['replies'][keyof C['replies']]
>;
