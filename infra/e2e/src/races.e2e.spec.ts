import { expectProblem } from './api';
import { buyers, itWithBuyers } from './people';
import { Sale } from './sale';

const BUYERS = 50;
const GROUP = 4;

describe('many buyers at once', () => {
  itWithBuyers(BUYERS)('for one seat: one wins, all others are told so', async () => {
    const sale = await Sale.open();
    const seat = sale.seatIds.slice(7, 8);
    const answers = await Promise.all((await buyers(BUYERS)).map((buyer) => sale.hold(buyer, seat)));
    const losers = answers.filter(({ status }) => status !== 201);
    expect(losers).toHaveLength(BUYERS - 1);
    for (const loser of losers) expectProblem(loser, 409, 'seats-taken');
    expect((await sale.read()).counts.held).toBe(1);
  });

  itWithBuyers(BUYERS)('for overlapping groups: each gets all of its seats or none', async () => {
    const sale = await Sale.open();
    const around = sale.seatIds.slice(0, 12);
    const groupOf = (nth: number) =>
      Array.from({ length: GROUP }, (_, i) => around[(nth + 2 * i) % around.length] ?? '');
    const answers = await Promise.all(
      (await buyers(BUYERS)).map((buyer, nth) => sale.hold(buyer, groupOf(nth).reverse())),
    );
    const granted = answers.filter(({ status }) => status === 201).map(({ body }) => body.seats);
    const seats = granted.flatMap((group) => group.map(({ seatId }) => seatId));
    expect(granted.length).toBeGreaterThan(0);
    expect(granted.map((group) => group.length)).toEqual(granted.map(() => GROUP));
    expect(new Set(seats).size).toBe(seats.length);
    expect((await sale.read()).counts.held).toBe(seats.length);
    for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409, 'seats-taken');
  });

  itWithBuyers(1)('one of them through many connections: never beyond the limit per buyer', async () => {
    const sale = await Sale.open({ seatsPerBuyerMax: 5 });
    const [buyer = ''] = await buyers(1);
    const answers = await Promise.all(sale.seatIds.slice(0, 40).map((seat) => sale.hold(buyer, [seat])));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    for (const answer of answers) if (answer.status !== 201) expectProblem(answer, 409, 'buyer-limit', { limit: 5 });
    expect((await sale.read()).counts.held).toBe(5);
  });
});
