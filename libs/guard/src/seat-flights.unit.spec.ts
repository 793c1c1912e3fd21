import { strict as assert } from 'node:assert';
import { SeatFlights } from './seat-flights';

const LONG_MS = 60_000;
const SHORT_MS = 20;

describe('single flight per seat', () => {
  const turn = async (flights: SeatFlights, seatIds: string[], isSettled = () => false) => {
    const end = await flights.turn('e', seatIds, isSettled);
    assert(end);
    return end;
  };
  const nextTurnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve));

  it('makes others for the same seat wait until the first is answered', async () => {
    const flights = new SeatFlights(LONG_MS);
    const end = await turn(flights, ['A1', 'A2']);
    let asks = false;
    const follower = turn(flights, ['A2', 'A3']).then(() => (asks = true));
    await nextTurnOfTheLoop();
    expect(asks).toBe(false);
    end();
    await follower;
    expect(asks).toBe(true);
  });

  it('does not wait for other seats or other events', async () => {
    const flights = new SeatFlights(LONG_MS);
    await turn(flights, ['A1']);
    await turn(flights, ['A2']);
    await flights.turn('another', ['A1'], () => false);
  });

  it('lets one of the followers ask next, while the others wait for that one', async () => {
    const flights = new SeatFlights(LONG_MS);
    const ends = [await turn(flights, ['A1'])];
    const followers = [0, 1, 2].map(async () => ends.push(await turn(flights, ['A1'])));
    for (let asking = 1; asking <= 4; asking++) {
      expect(ends).toHaveLength(asking);
      ends.at(-1)?.();
      await nextTurnOfTheLoop();
    }
    await Promise.all(followers);
  });

  it('asks nothing more once what it waited for is settled', async () => {
    const flights = new SeatFlights(LONG_MS);
    const end = await turn(flights, ['A1']);
    const follower = flights.turn('e', ['A1'], () => true);
    end();
    expect(await follower).toBeUndefined();
    expect(flights.isAsked('e', ['A1'])).toBe(false);
  });

  it('waits a bounded time, and then asks too', async () => {
    const flights = new SeatFlights(SHORT_MS);
    await turn(flights, ['A1']);
    await turn(flights, ['A1']);
  });

  it('ends only what it began: a seat in flight twice stays the first one’s', async () => {
    const flights = new SeatFlights(SHORT_MS);
    const first = await turn(flights, ['A1']);
    const second = await turn(flights, ['A1', 'A2']);
    second();
    expect(flights.isAsked('e', ['A1'])).toBe(true);
    expect(flights.isAsked('e', ['A2'])).toBe(false);
    first();
    expect(flights.isAsked('e', ['A1'])).toBe(false);
  });

  it('lets overlapping groups all get through, whatever their order', async () => {
    const flights = new SeatFlights(LONG_MS);
    const groups = [
      ['A', 'B'],
      ['B', 'C'],
      ['C', 'A'],
      ['B', 'A', 'C'],
    ];
    await Promise.all(
      groups.map(async (group) => {
        const end = await turn(flights, group);
        await nextTurnOfTheLoop();
        end();
      }),
    );
    expect(flights.isAsked('e', ['A', 'B', 'C'])).toBe(false);
  });
});
