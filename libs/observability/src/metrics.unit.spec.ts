import fastify from 'fastify';
import { observeHttpRequests } from './http-requests';
import { LATENESS_SECONDS, Metrics } from './metrics';

describe('metrics', () => {
  it('names every metric by one rule and labels it with the service', async () => {
    const metrics = new Metrics({ service: 'hold-service' });
    metrics.counter('guard_claims', 'Claims', ['outcome']).inc({ outcome: 'claimed' });
    metrics.seconds('hold_lateness', 'Lateness', LATENESS_SECONDS).observe(0.02);
    metrics.gauge('batch_queue_requests', 'Waiting').set(3);
    const text = await metrics.text();
    expect(text).toContain('holdfast_guard_claims_total{outcome="claimed",service="hold-service"} 1');
    expect(text).toContain('holdfast_hold_lateness_seconds_bucket{le="0.025",service="hold-service"} 1');
    expect(text).toContain('holdfast_batch_queue_requests{service="hold-service"} 3');
    expect(() => metrics.counter('Guard-Claims', 'no')).toThrow('lower case');
  });

  it('reads what is counted elsewhere whenever it is asked', async () => {
    const metrics = new Metrics({ service: 's' });
    const counts = { parking: 1, sweep: 0 };
    metrics.counted('timer_hops', 'Hops', 'engine', () => Object.entries(counts));
    expect(await metrics.text()).toContain('holdfast_timer_hops_total{engine="sweep",service="s"} 0');
    counts.parking = 5;
    await metrics.text();
    expect(await metrics.text()).toContain('holdfast_timer_hops_total{engine="parking",service="s"} 5');
  });

  it('describes what was registered', () => {
    const metrics = new Metrics({ service: 's' });
    metrics.counted('timer_hops', 'Hops', 'engine', () => []);
    metrics.seconds('hold_lateness', 'Lateness', LATENESS_SECONDS, ['by', 'engine']);
    metrics.gauge('dead_letters', 'Given up');
    expect(metrics.descriptions).toEqual([
      { name: 'holdfast_timer_hops_total', kind: 'counter', help: 'Hops', labels: ['engine'] },
      { name: 'holdfast_hold_lateness_seconds', kind: 'histogram', help: 'Lateness', labels: ['by', 'engine'] },
      { name: 'holdfast_dead_letters', kind: 'gauge', help: 'Given up', labels: [] },
    ]);
  });

  it('measures a request under the pattern of its route', async () => {
    const metrics = new Metrics({ service: 's' });
    const server = fastify();
    observeHttpRequests(server, metrics);
    server.get('/v1/events/:eventId', () => ({}));
    await server.inject('/v1/events/7');
    await server.inject('/nowhere/8');
    await server.close();
    const text = await metrics.text();
    expect(text).toContain(
      'holdfast_http_request_seconds_count{service="s",method="GET",route="/v1/events/:eventId",status="200"} 1',
    );
    expect(text).toContain('route="unmatched",status="404"');
  });
});
