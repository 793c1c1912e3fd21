import {
  BEGIN_PAYMENT_REFUSALS,
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
import { Guard } from '@holdfast/guard';
import { beginPayment, book, endPayment, lateBook, only, unbook } from '@holdfast/inventory';
import { Database } from '@holdfast/postgres';
import { Controller, UseFilters } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { CommandFaultFilter } from './command-fault.filter';

/**
 * What payment-service asks. Each command may come any number of times for the same attempt and is answered alike; while
 * Postgres is away, it waits. A booking that is only repeated leaves the guard alone: some of its seats may have been
 * refunded since, and a mark on them would refuse free seats for an hour.
 */
@Controller()
@UseFilters(CommandFaultFilter)
export class PaymentCommandsController {
  constructor(
    private readonly database: Database,
    private readonly guard: Guard,
  ) {}

  @MessagePattern(BeginPayment.messageName)
  async beginPayment(@Payload() { eventId, ...request }: BeginPayment): Promise<BeginPaymentReply> {
    const outcome = only(await beginPayment(this.database, eventId, [request]));
    if (outcome.outcome === 'refused') {
      // An attempt that was refused before may carry any reason; for its payer it has ended.
      const reason = BEGIN_PAYMENT_REFUSALS.find((known) => known === outcome.reason) ?? 'ended';
      const deadline = reason === 'expired' ? outcome.deadline?.toISOString() : undefined;
      return { outcome: 'refused', reason, ...(deadline && { deadline }) };
    }
    const { deadline, serverTime, ...begun } = outcome;
    // The grace may have moved the deadline. The timer needs no word of it: the worker looks again.
    const msLeft = deadline.getTime() - serverTime.getTime();
    const seatIds = begun.seats.map((seat) => seat.seatId);
    await this.guard.extend(eventId, { holdId: request.holdId, seatIds, msLeft });
    return { ...begun, deadline: deadline.toISOString(), serverTime: serverTime.toISOString() };
  }

  @MessagePattern(Book.messageName)
  async book(@Payload() { eventId, ...request }: Book): Promise<BookReply> {
    const outcome = only(await book(this.database, eventId, [request]));
    if (outcome.outcome === 'refused') return { outcome: 'refused', reason: outcome.reason };
    if (!outcome.replayed) await this.guard.book(eventId, request.holdId, outcome.seatIds);
    return { ...outcome, serverTime: outcome.serverTime.toISOString() };
  }

  @MessagePattern(LateBook.messageName)
  async lateBook(@Payload() { eventId, ...request }: LateBook): Promise<LateBookReply> {
    const outcome = await lateBook(this.database, eventId, request);
    if (outcome.outcome === 'refused') return { outcome: 'refused', reason: outcome.reason };
    const { replayed, holdId, seatIds } = outcome;
    // The old hold's keys run out by the clock of Redis, which is not the one that decides.
    if (holdId !== request.holdId) await this.guard.release(eventId, request.holdId, seatIds);
    if (!replayed) await this.guard.book(eventId, holdId, seatIds);
    return { ...outcome, serverTime: outcome.serverTime.toISOString() };
  }

  @MessagePattern(EndPayment.messageName)
  async endPayment(@Payload() { eventId, ...request }: EndPayment): Promise<EndPaymentReply> {
    const outcome = only(await endPayment(this.database, eventId, [request]));
    // Booked and given back already: there is nothing left to end, and no later `book` can win.
    return outcome.outcome === 'unbooked' ? { outcome: 'ended', replayed: true } : outcome;
  }

  @MessagePattern(Unbook.messageName)
  async unbook(@Payload() { eventId, ...request }: Unbook): Promise<UnbookReply> {
    const outcome = only(await unbook(this.database, eventId, [request]));
    if (outcome.outcome === 'refused') return outcome;
    const { replayed, seatIds } = outcome;
    await this.guard.unbook(eventId, request.holdId, seatIds);
    return { outcome: 'unbooked', replayed, seatIds };
  }
}
