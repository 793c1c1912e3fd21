import { answerParent } from '../child';
import { HttpLine } from '../http-line';
import { percentile } from '../percentile';

export interface Payer {
  eventId: string;
  holdId: string;
  token: string;
}

export interface PaymentsCrowd {
  origin: string;
  payers: Payer[];
  connections: number;
  seconds: number;
}

export interface PaymentsResult {
  paid: number;
  /** Answers other than 201, by status. */
  unpaid: Record<string, number>;
  seconds: number;
  meanMs: number;
  p50Ms: number;
  p99Ms: number;
}

/** Buyers pay their holds, each once, over so many connections, until the time is up; who has begun is waited for. */
answerParent<PaymentsCrowd, PaymentsResult>(async ({ origin, payers, connections, seconds }) => {
  const { hostname, port } = new URL(origin);
  const unpaid: Record<string, number> = {};
  const timesMs: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  let next = 0;
  const pay = async (line: HttpLine) => {
    while (performance.now() < endsAt) {
      const payer = payers[next++];
      if (!payer) throw new Error(`All ${payers.length} holds were paid before the time was up.`);
      const { eventId, holdId, token } = payer;
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': holdId,
      };
      const sentAt = performance.now();
      const status = await line.post(
        '/v1/payments',
        headers,
        JSON.stringify({ eventId, holdId, paymentMethod: 'pm_card_visa' }),
      );
      timesMs.push(performance.now() - sentAt);
      if (status !== 201) unpaid[status] = (unpaid[status] ?? 0) + 1;
    }
    line.close();
  };
  await Promise.all(Array.from({ length: connections }, () => pay(new HttpLine(hostname, Number(port)))));
  const failures = Object.values(unpaid).reduce((sum, count) => sum + count, 0);
  return {
    paid: timesMs.length - failures,
    unpaid,
    seconds: (performance.now() - startedAt) / 1_000,
    meanMs: timesMs.reduce((sum, ms) => sum + ms, 0) / Math.max(1, timesMs.length),
    p50Ms: percentile(timesMs, 50),
    p99Ms: percentile(timesMs, 99),
  };
});
