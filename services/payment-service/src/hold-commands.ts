import { BrokerUnavailable, ReplyTimeout, Unroutable, type Broker } from '@holdfast/broker';
import {
  BeginPayment,
  Book,
  EndPayment,
  LateBook,
  Unbook,
  type BeginPaymentReply,
  type BookReply,
  type EndPaymentReply,
  type LateBookReply,
  type UnbookReply,
} from '@holdfast/contracts';
import type { Attempt } from './attempts';
import type { Refund } from './refunds';

/** A connection that is just being made again is worth waiting for; a broker that is away is not. */
const READY_WAIT_MS = 2_000;

/** hold-service gave no answer: **it may or may not have done what was asked**. The same command is sent again. */
export class HoldServiceSilent extends Error {
  /** @param brokerAway the command could not be handed to RabbitMQ at all */
  constructor(
    reason: string,
    readonly brokerAway: boolean,
    options?: ErrorOptions,
  ) {
    super(`hold-service did not answer: ${reason}`, options);
    this.name = 'HoldServiceSilent';
  }
}

/** What payment-service asks of hold-service. Every command may be sent any number of times for the same attempt. */
export interface HoldCommands {
  /** Whether a command can be sent at all now, or shortly. */
  isReady(): Promise<boolean>;
  /** May the hold be paid? Fences it for this attempt. */
  beginPayment(attempt: Attempt): Promise<BeginPaymentReply>;
  /** The fence: the seats are the buyer's, or this attempt is refused for good. */
  book(attempt: Attempt): Promise<BookReply>;
  /** The same seats under the attempt's late hold, if they are all free; or this attempt is refused for good. */
  lateBook(attempt: Attempt): Promise<LateBookReply>;
  /** No later `book` of this attempt may win; the hold lives on. */
  endPayment(attempt: Attempt): Promise<EndPaymentReply>;
  /** Gives all seats of a booked attempt back. */
  unbook(attempt: Attempt, reason: string): Promise<UnbookReply>;
  /** Gives the seats of a refund back that are not given back yet. */
  unbookSeats(refund: Refund): Promise<UnbookReply>;
}

/**
 * The commands over RabbitMQ. Each call throws HoldServiceSilent when there is no answer.
 *
 * @param timeoutMs how long to wait for each answer
 */
export function brokerHoldCommands(broker: Broker, timeoutMs: number): HoldCommands {
  const options = { timeoutMs };
  const of = ({ eventId, holdId, attemptId }: Attempt) => ({ eventId, holdId, attemptId });
  return {
    isReady: () =>
      broker.whenReady(READY_WAIT_MS).then(
        () => true,
        () => false,
      ),
    beginPayment: (attempt) => {
      const version = attempt.askedVersion ?? undefined;
      const message: BeginPayment = { ...of(attempt), buyerId: attempt.buyerId, version };
      return answered(broker.request(BeginPayment, message, options));
    },
    book: (attempt) => {
      const message: Book = { ...of(attempt), version: attempt.fenceVersion ?? 0 };
      return answered(broker.request(Book, message, options));
    },
    lateBook: (attempt) => {
      if (!attempt.lateHoldId) throw new Error(`Payment attempt ${attempt.attemptId} has no late hold`);
      const message: LateBook = { ...of(attempt), newHoldId: attempt.lateHoldId };
      return answered(broker.request(LateBook, message, options));
    },
    endPayment: (attempt) => {
      const message: EndPayment = { ...of(attempt), reason: attempt.reason ?? 'given-up' };
      return answered(broker.request(EndPayment, message, options));
    },
    unbook: (attempt, reason) => {
      const holdId = attempt.lateHoldId ?? attempt.holdId;
      const message: Unbook = { ...of(attempt), holdId, reason };
      return answered(broker.request(Unbook, message, options));
    },
    unbookSeats: ({ eventId, holdId, attemptId, refundId, unbookSeatIds: seatIds }) => {
      const message: Unbook = { eventId, holdId, attemptId, refundId, seatIds, reason: 'refunded' };
      return answered(broker.request(Unbook, message, options));
    },
  };
}

async function answered<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof ReplyTimeout) throw new HoldServiceSilent(error.message, false, { cause: error });
    if (error instanceof BrokerUnavailable || error instanceof Unroutable) {
      throw new HoldServiceSilent(error.message, true, { cause: error });
    }
    throw error;
  }
}
