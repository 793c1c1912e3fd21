import { SEAT_CHANGES, type LedgerKind, type SeatState } from '../seat-lifecycle';
import type { LedgerLine } from './sale';

/**
 * Reads a ledger as a stranger would and names what is wrong with it: a change that its seat's state does not allow, a
 * version left out or told twice, a hold that ends twice, an end of a hold that did not have the seat.
 */
export function illegalChanges(ledger: LedgerLine[]): string[] {
  const faults: string[] = [];
  const seats = new Map<string, { state: SeatState; version: number; holdId: string | null }>();
  const bySeat = [...ledger].sort((a, b) => a.seatId.localeCompare(b.seatId) || a.version - b.version);
  for (const entry of bySeat) {
    const seat = seats.get(entry.seatId) ?? { state: 'available', version: 0, holdId: null };
    const change = SEAT_CHANGES[entry.kind as LedgerKind];
    const name = `${entry.seatId}@${entry.version} ${entry.kind}`;
    if (entry.version !== seat.version + 1) faults.push(`${name}: follows version ${seat.version}`);
    if (change.from !== seat.state) faults.push(`${name}: the seat is ${seat.state}`);
    const holdsBefore = seat.state === 'held' || seat.state === 'booked';
    if (holdsBefore && seat.holdId !== entry.holdId) faults.push(`${name}: of a hold that does not have the seat`);
    const holdsAfter = change.to === 'held' || change.to === 'booked';
    seats.set(entry.seatId, { state: change.to, version: entry.version, holdId: holdsAfter ? entry.holdId : null });
  }
  return faults;
}
