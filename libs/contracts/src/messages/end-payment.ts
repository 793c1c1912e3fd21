import { Equals, IsBoolean } from 'class-validator';
import { Id, Reason } from './fields';

/** No later `book` of this attempt can succeed. The hold lives on and may be extended or paid again. */
export class PaymentEnded {
  @Equals('ended') outcome!: 'ended';
  @IsBoolean() replayed!: boolean;
}

/** The attempt had booked before: it cannot be ended any more, only unbooked. */
export class PaymentAlreadyBooked {
  @Equals('booked') outcome!: 'booked';
}

export type EndPaymentReply = PaymentEnded | PaymentAlreadyBooked;

/** Ends an attempt that will not be captured: a durable refusal that a late `book` finds. */
export class EndPayment {
  static readonly messageName = 'end-payment.v1';
  static readonly kind = 'command';
  static readonly exchange = 'holdfast.commands';
  static readonly bindingKey = 'end-payment.v1';
  static readonly sentWhen = 'An attempt was declined or given up, before its authorisation is voided.';
  static readonly routingKey = (): string => 'end-payment.v1';
  static readonly replies = { ended: PaymentEnded, booked: PaymentAlreadyBooked };
  static readonly example: EndPayment = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    holdId: '01936f2e-0000-7000-8000-000000000002',
    attemptId: '01936f2e-0000-7000-8000-000000000004',
    reason: 'card-declined',
  };
  static readonly replyExamples: EndPaymentReply[] = [{ outcome: 'ended', replayed: false }, { outcome: 'booked' }];

  @Id() eventId!: string;
  @Id() holdId!: string;
  @Id() attemptId!: string;
  @Reason() reason!: string;
}
