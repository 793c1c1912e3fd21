import type {
  EventBody,
  EventWithCountsBody,
  HistoryBody,
  HoldBody,
  LayoutBody,
  SaleSettings,
  SeatsBody,
} from '@holdfast/contracts';
import { arenaPlan, type PlanFile } from '@holdfast/plan';
import { request, type Answer, type Call } from './api';
import { organiser } from './people';

export const PRICE_MINOR = 4_500;

/** An event of its own for one case, and what buyers can do there. */
export class Sale {
  private constructor(
    readonly event: EventBody,
    readonly organiserToken: string,
    /** The plan's seats, in its order. */
    readonly seatIds: string[],
  ) {}

  /** Creates an event with a small arena. */
  static async open(sale: Partial<SaleSettings> = {}, seats = 60): Promise<Sale> {
    const token = await organiser();
    const plan = arenaPlan(seats);
    const answer = await request<EventBody>('POST', '/v1/events', { token, body: eventBody(plan, sale) });
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 201 });
    return new Sale(answer.body, token, seatIdsOf(plan));
  }

  get path(): string {
    return `/v1/events/${this.event.eventId}`;
  }

  hold(token: string, seats: string[], call: Call = {}): Promise<Answer<HoldBody>> {
    return request('POST', `${this.path}/holds`, { token, body: { seats }, ...call });
  }

  /** A hold that the case only needs to be there. */
  async held(token: string, seats: string[]): Promise<HoldBody> {
    const answer = await this.hold(token, seats);
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 201 });
    return answer.body;
  }

  readHold(token: string, holdId: string): Promise<Answer<HoldBody>> {
    return request('GET', `${this.path}/holds/${holdId}`, { token });
  }

  release(token: string, holdId: string, query = ''): Promise<Answer<HoldBody>> {
    return request('DELETE', `${this.path}/holds/${holdId}${query}`, { token });
  }

  extend(token: string, holdId: string, body: object, call: Call = {}): Promise<Answer<HoldBody>> {
    return request('POST', `${this.path}/holds/${holdId}/extend`, { token, body, ...call });
  }

  history(token: string, holdId: string): Promise<Answer<HistoryBody>> {
    return request('GET', `${this.path}/holds/${holdId}/history`, { token });
  }

  async read(): Promise<EventWithCountsBody> {
    return (await request<EventWithCountsBody>('GET', this.path)).body;
  }

  async layout(): Promise<LayoutBody> {
    return (await request<LayoutBody>('GET', `${this.path}/layout`)).body;
  }

  /** The letters of these seats now, and when that was by the server's clock. */
  async states(...seatIds: string[]): Promise<{ states: string; serverTime: string }> {
    const { body } = await request<SeatsBody>('GET', `${this.path}/seats`);
    const letters = seatIds.map((seatId) => body.states.charAt(this.seatIds.indexOf(seatId)));
    return { states: letters.join(''), serverTime: body.serverTime };
  }
}

/** The body that creates an event of this plan; every category costs the same. */
export function eventBody(plan: PlanFile, sale: Partial<SaleSettings> = {}) {
  return {
    name: plan.name,
    currency: 'EUR',
    plan,
    prices: Object.fromEntries(plan.categories.map(({ name }) => [name, PRICE_MINOR])),
    sale,
  };
}

export function seatIdsOf(plan: PlanFile): string[] {
  return plan.zones.flatMap((zone) => zone.rows.flatMap((row) => row.seats.map((seat) => seat.seat_guid)));
}
