import { answerParent } from './child';
import { HttpLine } from './http-line';
import { percentile } from './percentile';

export interface Clicks {
  origin: string;
  path: string;
  tokens: string[];
  seatIds: string[];
  clicks: number;
  connections: number;
  run: string;
}

export interface ClicksResult {
  statuses: Record<string, number>;
  p50Ms: number;
  p99Ms: number;
}

/** A number of clicks on seats in turn, over so many connections at once, each by another buyer. */
answerParent<Clicks, ClicksResult>(async ({ origin, path, tokens, seatIds, clicks, connections, run }) => {
  const { hostname, port } = new URL(origin);
  const statuses: Record<string, number> = {};
  const timesMs: number[] = [];
  let next = 0;
  const click = async (line: HttpLine) => {
    while (next < clicks) {
      const nth = next++;
      const headers = {
        authorization: `Bearer ${tokens[nth % tokens.length]}`,
        'content-type': 'application/json',
        'idempotency-key': `${run}-${nth}`,
      };
      const sentAt = performance.now();
      const status = await line.post(path, headers, JSON.stringify({ seats: [seatIds[nth % seatIds.length]] }));
      timesMs.push(performance.now() - sentAt);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    line.close();
  };
  await Promise.all(Array.from({ length: connections }, () => click(new HttpLine(hostname, Number(port)))));
  return { statuses, p50Ms: percentile(timesMs, 50), p99Ms: percentile(timesMs, 99) };
});
