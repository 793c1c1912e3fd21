import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBody, HoldBody, LayoutBody, SeatsBody } from '@holdfast/contracts';

export interface ShopAnswer<T> {
  status: number;
  /** The problem's code, when it is one. */
  code?: string;
  body: T;
}

const ANSWER_TIMEOUT_MS = 30_000;
/** No answer, or "try again": the same request with the same key, this often. */
const TRIES_MAX = 5;
const TRY_AGAIN_MS = 500;

/** What a buyer's browser can do: everything through the gateway. Connections are kept open and shared. */
export class Shop {
  /** Requests that wait for their answer. */
  inFlight = 0;

  constructor(private readonly url: string) {}

  createEvent(token: string, body: object): Promise<ShopAnswer<EventBody>> {
    return this.request('POST', '/v1/events', token, body);
  }

  layout(eventId: string): Promise<ShopAnswer<LayoutBody>> {
    return this.request('GET', `/v1/events/${eventId}/layout`);
  }

  seats(eventId: string): Promise<ShopAnswer<SeatsBody>> {
    return this.request('GET', `/v1/events/${eventId}/seats`);
  }

  hold(token: string, eventId: string, seats: string[]): Promise<ShopAnswer<HoldBody>> {
    return this.request('POST', `/v1/events/${eventId}/holds`, token, { seats });
  }

  extend(token: string, { eventId, holdId, version }: HoldBody, seconds: number): Promise<ShopAnswer<HoldBody>> {
    return this.request('POST', `/v1/events/${eventId}/holds/${holdId}/extend`, token, { seconds, version });
  }

  release(token: string, { eventId, holdId }: HoldBody): Promise<ShopAnswer<HoldBody>> {
    return this.request('DELETE', `/v1/events/${eventId}/holds/${holdId}`, token);
  }

  pay(token: string, { eventId, holdId }: HoldBody, paymentMethod: string): Promise<ShopAnswer<{ state?: string }>> {
    return this.request('POST', '/v1/payments', token, { eventId, holdId, paymentMethod });
  }

  private async request<T>(method: string, path: string, token?: string, body?: object): Promise<ShopAnswer<T>> {
    const key = randomUUID();
    for (let tries = 1; ; tries++) {
      const answer = await this.send<T>(method, path, key, token, body);
      if ((answer.status !== 0 && answer.status !== 503) || tries === TRIES_MAX) return answer;
      await sleep(TRY_AGAIN_MS * tries);
    }
  }

  /** Status 0: there was no answer. */
  private async send<T>(
    method: string,
    path: string,
    key: string,
    token?: string,
    body?: object,
  ): Promise<ShopAnswer<T>> {
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(method === 'POST' && { 'idempotency-key': key }),
      ...(body && { 'content-type': 'application/json' }),
    };
    this.inFlight++;
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers,
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const answer = (await response.json()) as T & { code?: string };
      return { status: response.status, code: answer.code, body: answer };
    } catch {
      return { status: 0, body: {} as T };
    } finally {
      this.inFlight--;
    }
  }
}
