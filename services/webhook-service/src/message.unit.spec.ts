import type { SeatsChangedWebhook } from '@holdfast/contracts';
import type { LedgerEntry, LedgerKind } from '@holdfast/inventory';
import { cutBatch, writeMessage } from './message';

const AT = new Date('2026-11-23T20:00:00Z');
const entry = (seq: number, kind: LedgerKind = 'held'): LedgerEntry => ({
  seq,
  kind,
  seatId: `seat-${seq}`,
  seatVersion: 1,
  holdId: '01936f2e-0000-7000-8000-000000000002',
  actor: 'buyer',
  reason: null,
  at: AT,
});
const entries = (count: number) => Array.from({ length: count }, (_, nth) => entry(nth + 1));

describe('a batch', () => {
  it('is a hundred entries at most, and goes as far as they do', () => {
    expect(cutBatch(entries(250), null)).toMatchObject({ throughSeq: 100 });
    expect(cutBatch(entries(250), null)?.wanted).toHaveLength(100);
    expect(cutBatch(entries(3), null)).toMatchObject({ throughSeq: 3 });
    expect(cutBatch([], null)).toBeUndefined();
  });

  it('passes over what is not wanted, up to the end of what was read', () => {
    const mixed = [entry(1), entry(2, 'booked'), entry(3), entry(4, 'booked'), entry(5)];
    expect(cutBatch(mixed, ['booked'])).toMatchObject({ throughSeq: 5, wanted: [{ seq: 2 }, { seq: 4 }] });
    expect(cutBatch(mixed, ['blocked'])).toEqual({ throughSeq: 5, wanted: [] });
  });
});

describe('a message', () => {
  const endpoint = { eventId: 'e', endpointId: '01936f2e-0000-7000-8000-000000000001' };

  it('has an id that names endpoint and entries, without a full stop', () => {
    const { webhookId } = writeMessage(endpoint, [entry(41), entry(42)]);
    expect(webhookId).toBe('msg_01936f2e000070008000000000000001_41_42');
  });

  it('is the same whenever it is written', () => {
    expect(writeMessage(endpoint, [entry(1), entry(2)])).toEqual(writeMessage(endpoint, [entry(1), entry(2)]));
  });

  it('says what changed, in order, and of which event', () => {
    const { body } = writeMessage(endpoint, [entry(1), entry(2, 'booked')]);
    expect(JSON.parse(body) as SeatsChangedWebhook).toEqual({
      type: 'seats.changed',
      timestamp: AT.toISOString(),
      data: {
        eventId: 'e',
        entries: [
          { ...entry(1), at: AT.toISOString() },
          { ...entry(2, 'booked'), at: AT.toISOString() },
        ],
      },
    });
  });
});
