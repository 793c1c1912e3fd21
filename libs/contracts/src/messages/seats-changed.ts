import { IsIn } from 'class-validator';
import { MayBeNull } from '../presence';
import { Counter, Id, ListOf, Reason, SeatId, Time } from './fields';

export const LEDGER_KINDS = [
  'held',
  'extended',
  'released',
  'expired',
  'booked',
  'unbooked',
  'blocked',
  'unblocked',
] as const;
export const LEDGER_ACTORS = ['buyer', 'organiser', 'system'] as const;

/** The relay cuts longer runs of the ledger into several messages. */
export const ENTRIES_PER_MESSAGE_MAX = 500;

/** After these the seat is on sale again. */
const FREEING = new Set<string>(['released', 'expired', 'unbooked', 'unblocked']);

/** Whether a change puts its seat back on sale. */
export function freesSeat({ kind }: { kind: (typeof LEDGER_KINDS)[number] }): boolean {
  return FREEING.has(kind);
}

/** One entry of the event's ledger. No buyer is named: every service may listen. */
export class SeatsChangedEntry {
  @Counter() seq!: number;
  @IsIn(LEDGER_KINDS) kind!: (typeof LEDGER_KINDS)[number];
  @SeatId() seatId!: string;
  @MayBeNull() @Id() holdId!: string | null;
  @Counter() seatVersion!: number;
  @IsIn(LEDGER_ACTORS) actor!: (typeof LEDGER_ACTORS)[number];
  @MayBeNull() @Reason() reason!: string | null;
  @Time() at!: string;
}

/** Entries of one event's ledger with consecutive sequence numbers. Delivered at least once: order by `seq`, ignore repeats. */
export class SeatsChanged {
  static readonly messageName = 'seats-changed.v1';
  static readonly kind = 'event';
  static readonly exchange = 'holdfast.events';
  static readonly bindingKey: string = 'seats-changed.v1.*.*';
  static readonly sentWhen: string =
    'The relay has numbered new entries of the ledger, after the commit that wrote them. The key ends in `freed` where ' +
    'an entry puts a seat back on sale, else in `kept`.';
  static readonly routingKey = ({ eventId, entries }: SeatsChanged): string =>
    `seats-changed.v1.${eventId}.${entries.some(freesSeat) ? 'freed' : 'kept'}`;
  static readonly example: SeatsChanged = {
    eventId: '01936f2e-0000-7000-8000-000000000001',
    entries: [
      {
        seq: 41,
        kind: 'held',
        seatId: 'A-12-7',
        holdId: '01936f2e-0000-7000-8000-000000000002',
        seatVersion: 3,
        actor: 'buyer',
        reason: null,
        at: '2026-11-23T20:00:00.000Z',
      },
      {
        seq: 42,
        kind: 'blocked',
        seatId: 'A-12-8',
        holdId: null,
        seatVersion: 2,
        actor: 'organiser',
        reason: 'camera position',
        at: '2026-11-23T20:00:00.120Z',
      },
    ],
  };

  @Id() eventId!: string;
  @ListOf(SeatsChangedEntry, ENTRIES_PER_MESSAGE_MAX) entries!: SeatsChangedEntry[];
}

/**
 * Those of the messages in which a seat comes back on sale, for whoever listens to nothing else: in a rush nearly all of
 * the ledger is holds.
 */
export class SeatsFreed extends SeatsChanged {
  static override readonly bindingKey = 'seats-changed.v1.*.freed';
}
