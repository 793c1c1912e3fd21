import { checked, Problem, type Fault } from '@holdfast/http';
import { Type } from 'class-transformer';
import { IsInt, IsISO4217CurrencyCode, IsObject, IsOptional, Matches, Max, Min, ValidateNested } from 'class-validator';
import { validate as isUuid } from 'uuid';

/** Kinds of objects whose events concern a payment, in the provider's words. */
export type ObjectKind = 'payment_intent' | 'charge' | 'refund';

/** What a webhook says, as far as it matters: a hint where to look. Nothing in it is believed beyond that. */
export interface ProviderEvent {
  providerEventId: string;
  type: string;
  /** Null: of no kind that concerns a payment. */
  objectKind: ObjectKind | null;
  objectId: string;
  /** The intent it is about; null when it is about none. */
  intentId: string | null;
  /** What the object's metadata name; null unless both are ids. */
  eventId: string | null;
  attemptId: string | null;
  /** The whole amount of the intent, in minor units; null where the object does not say. */
  amountMinor: number | null;
  /** ISO 4217, upper case. */
  currency: string | null;
  createdAt: Date;
}

/**
 * `ignored`: of a type nobody knows here, and in a shape that cannot even be stored. `malformed`: of a type that is known,
 * or of none, with content that cannot be right; sent again it would be no better.
 */
export type EventReading = ProviderEvent | { ignored: true } | { malformed: Fault[] };

/** Which kind of object the events of a type tell of. */
const KINDS_BY_TYPE: [RegExp, ObjectKind][] = [
  [/^payment_intent\.\w+$/, 'payment_intent'],
  [/^(charge\.)?refund\.\w+$/, 'refund'],
  [/^charge\.\w+$/, 'charge'],
];

/** The provider's ids, of events and objects: no longer than 255 characters. */
const ID = /^\w{1,255}$/;
const EVENT_TYPE = /^[\w.]{1,255}$/;
/** The end of the year 9999, in seconds. */
const CREATED_MAX = 253_402_300_799;

/** What an event of any type has. */
class Envelope {
  @Matches(ID)
  id!: string;

  @Matches(EVENT_TYPE)
  type!: string;

  @IsInt()
  @Min(0)
  @Max(CREATED_MAX)
  created!: number;
}

/** A payment intent, charge or refund, as far as it is looked at. */
class ToldObject {
  @Matches(/^(payment_intent|charge|refund)$/)
  object!: ObjectKind;

  @Matches(ID)
  id!: string;

  /** In minor units. */
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  amount!: number;

  @IsISO4217CurrencyCode()
  currency!: string;

  @IsOptional()
  @Matches(ID)
  payment_intent?: string | null;

  /** Whoever made the object wrote it, and it may name others than ours: what is no id is passed over. */
  @IsOptional()
  @IsObject()
  metadata?: { eventId?: string; attemptId?: string } | null;
}

class EventData {
  @IsObject()
  @ValidateNested()
  @Type(() => ToldObject)
  object!: ToldObject;
}

class KnownEvent extends Envelope {
  @IsObject()
  @ValidateNested()
  @Type(() => EventData)
  data!: EventData;
}

/** Reads an event of the provider from bytes that are known to be its own. Never throws: there is no wrong content. */
export function readProviderEvent(body: Buffer): EventReading {
  const event = parsed(body);
  if (typeof event?.type !== 'string')
    return { malformed: [{ path: 'type', message: 'must name the type of an event' }] };
  const { type } = event;
  const kind = KINDS_BY_TYPE.find(([types]) => types.test(type))?.[1];
  return kind ? readKnown(event, kind) : readUnknown(event);
}

function parsed(body: Buffer): { type?: unknown } | null {
  try {
    return JSON.parse(body.toString()) as { type?: unknown } | null;
  } catch {
    return null;
  }
}

function readKnown(event: object, kind: ObjectKind): EventReading {
  const read = checkedOrFaults(KnownEvent, event);
  if (Array.isArray(read)) return { malformed: read };
  const { object } = read.data;
  if (object.object !== kind) return { malformed: [{ path: 'data.object.object', message: `must be ${kind}` }] };
  const { eventId = '', attemptId = '' } = object.metadata ?? {};
  const named = isUuid(eventId) && isUuid(attemptId);
  return {
    ...envelopeOf(read),
    objectKind: kind,
    objectId: object.id,
    intentId: kind === 'payment_intent' ? object.id : (object.payment_intent ?? null),
    eventId: named ? eventId : null,
    attemptId: named ? attemptId : null,
    amountMinor: object.amount,
    currency: object.currency.toUpperCase(),
  };
}

function readUnknown(event: object): EventReading {
  const read = checkedOrFaults(Envelope, event);
  if (Array.isArray(read)) return { ignored: true };
  const { id, payment_intent: intent } = (event as UncheckedEvent).data?.object ?? {};
  return {
    ...envelopeOf(read),
    objectKind: null,
    objectId: isId(id) ? id : '',
    intentId: isId(intent) ? intent : null,
    eventId: null,
    attemptId: null,
    amountMinor: null,
    currency: null,
  };
}

interface UncheckedEvent {
  data?: { object?: { id?: unknown; payment_intent?: unknown } | null } | null;
}

const isId = (value: unknown): value is string => typeof value === 'string' && ID.test(value);

function envelopeOf({ id, type, created }: Envelope) {
  return { providerEventId: id, type, createdAt: new Date(created * 1_000) };
}

function checkedOrFaults<T extends object>(Shape: new () => T, plain: object): T | Fault[] {
  try {
    return checked(Shape, plain, { allowUnknown: true });
  } catch (error) {
    if (error instanceof Problem) return error.members.errors as Fault[];
    if (!(error instanceof RangeError)) throw error;
    // Members within members without end: the copy ran out of stack.
    return [{ path: '', message: 'cannot be read' }];
  }
}
