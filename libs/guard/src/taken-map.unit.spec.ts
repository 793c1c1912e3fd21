import { Metrics } from '@holdfast/observability';
import { guardOwner } from './owner';
import { STALE_MAX_MS, TakenMap, type KnownSeat } from './taken-map';

const ENTRIES_MAX = 100_000;

const ana = guardOwner('ana', 'k1');
const anaAgain = guardOwner('ana', 'k2');
const ben = guardOwner('ben', 'k1');

describe('map of taken seats', () => {
  let now: number;
  let metrics: Metrics;
  let map: TakenMap;

  beforeEach(() => {
    now = 1_000;
    metrics = new Metrics({ service: 'spec' });
    map = new TakenMap({ metrics, now: () => now });
  });

  const held = (seatId: string, holder = ana, msLeft = 600_000): KnownSeat => ({
    seatId,
    state: 'held',
    holder,
    msLeft,
  });
  const known = (owner: string, ...seatIds: string[]) => map.known('e', owner, seatIds).map(({ seatId }) => seatId);

  it('knows nothing of what nobody noted', () => {
    expect(known(ben, 'A1')).toEqual([]);
  });

  it('refuses another request for 250 ms from when the question was sent, not from when it was answered', () => {
    const sentAt = now;
    now += 100;
    map.note('e', [held('A1')], sentAt);
    now = sentAt + STALE_MAX_MS - 1;
    expect(known(ben, 'A1')).toEqual(['A1']);
    now = sentAt + STALE_MAX_MS;
    expect(known(ben, 'A1')).toEqual([]);
  });

  it('takes no note of an answer that comes after the bound', () => {
    map.note('e', [held('A1')], now - STALE_MAX_MS);
    expect(known(ben, 'A1')).toEqual([]);
  });

  it('never refuses beyond the deadline', () => {
    map.note('e', [held('A1', ana, 30)], now);
    now += 29;
    expect(known(ben, 'A1')).toEqual(['A1']);
    now += 1;
    expect(known(ben, 'A1')).toEqual([]);
  });

  it('is not prolonged by refusing', () => {
    map.note('e', [held('A1')], now);
    for (let asked = 0; asked < 5; asked++) {
      now += 49;
      expect(known(ben, 'A1')).toEqual(['A1']);
    }
    now += 5;
    expect(known(ben, 'A1')).toEqual([]);
  });

  it('never refuses a request by its own hold, and tells a buyer which seats another request of theirs holds', () => {
    map.note('e', [held('A1')], now);
    expect(known(ana, 'A1')).toEqual([]);
    expect(map.known('e', anaAgain, ['A1'])).toMatchObject([{ seatId: 'A1', state: 'held', heldByYou: true }]);
    expect(map.known('e', ben, ['A1'])).toMatchObject([{ heldByYou: false }]);
  });

  it('names the known seats of a group, and only of this event', () => {
    map.note('e', [held('A2'), { seatId: 'A4', state: 'booked', msLeft: 1_000 }], now);
    expect(known(ben, 'A1', 'A2', 'A3', 'A4')).toEqual(['A2', 'A4']);
    expect(map.known('another', ben, ['A2'])).toEqual([]);
  });

  it('forgets what may be free again', () => {
    map.note('e', [held('A1'), held('A2')], now);
    map.forget('e', ['A1']);
    expect(known(ben, 'A1', 'A2')).toEqual(['A2']);
  });

  it('keeps a constant number of entries, the newest', async () => {
    const seats = Array.from({ length: ENTRIES_MAX + 10 }, (_, index) => held(`S${index}`));
    map.note('e', seats, now);
    expect(known(ben, 'S0', 'S9', 'S10', `S${ENTRIES_MAX + 9}`)).toEqual(['S10', `S${ENTRIES_MAX + 9}`]);
    expect(await metrics.text()).toContain(`holdfast_taken_map_entries{service="spec"} ${ENTRIES_MAX}`);
  });

  it('lets go of what has run out when it takes note of more', async () => {
    map.note('e', [held('A1'), held('A2')], now);
    now += STALE_MAX_MS;
    map.note('e', [held('A3')], now);
    expect(await metrics.text()).toContain('holdfast_taken_map_entries{service="spec"} 1');
  });

  it('exports the age of what its refusals rested on', async () => {
    map.note('e', [held('A1')], now);
    now += 240;
    known(ben, 'A1');
    const text = await metrics.text();
    expect(text).toContain('holdfast_taken_map_refusals_total{service="spec"} 1');
    expect(text).toContain('holdfast_taken_map_age_seconds_bucket{le="0.2",service="spec"} 0');
    expect(text).toContain('holdfast_taken_map_age_seconds_bucket{le="0.25",service="spec"} 1');
  });

  it('can be turned off, and never be set above its bound', () => {
    const off = new TakenMap({ metrics: new Metrics({ service: 'off' }), staleMaxMs: 0, now: () => now });
    off.note('e', [held('A1')], now);
    expect(off.known('e', ben, ['A1'])).toEqual([]);

    const long = new TakenMap({ metrics: new Metrics({ service: 'long' }), staleMaxMs: 60_000, now: () => now });
    long.note('e', [held('A1')], now);
    now += STALE_MAX_MS;
    expect(long.known('e', ben, ['A1'])).toEqual([]);
  });
});
