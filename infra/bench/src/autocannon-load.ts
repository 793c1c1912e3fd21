import { readFileSync } from 'node:fs';
import autocannon from 'autocannon';
import { answerParent } from './child';
import type { Load, LoadResult } from './load-generator';

/** The same load where wrk is missing. */
answerParent<Load, LoadResult>(async (load) => {
  const tokens = readFileSync(load.tokenFile, 'utf8').trim().split('\n');
  let sent = 0;
  const result = await autocannon({
    url: load.origin,
    connections: load.connections,
    duration: load.seconds,
    requests: [
      {
        method: 'POST',
        path: load.path,
        setupRequest: (request) => {
          const nth = sent++;
          const seat = load.mode === 'fresh' ? load.firstSeat + nth : load.firstSeat;
          return {
            ...request,
            headers: {
              authorization: `Bearer ${tokens[nth % tokens.length]}`,
              'content-type': 'application/json',
              'idempotency-key': `${load.run}-${nth}`,
            },
            body: load.mode === 'bare' ? '{}' : `{"seats":["S${seat}"]}`,
          };
        },
      },
    ],
  });
  return {
    requests: result.requests.total,
    seconds: result.duration,
    refused: result.non2xx,
    failed: result.errors,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
});
