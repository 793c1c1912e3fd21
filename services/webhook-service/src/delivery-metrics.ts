import type { Metrics } from '@holdfast/observability';
import type { Attempt, DeliveryFigures } from './deliveries';

/** Buckets, in seconds, for what a receiver takes: from next door to the time limit. */
const DELIVERY_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30];

/** How deliveries end, and how far behind they are. */
export class DeliveryMetrics {
  private readonly deliveries;
  private readonly took;
  private readonly lag;
  private readonly endpoints;
  private readonly waiting;
  private readonly heldBack;

  constructor(metrics: Metrics) {
    this.deliveries = metrics.counter('webhook_deliveries', 'Webhook deliveries that were tried, by outcome.', [
      'outcome',
    ]);
    this.took = metrics.seconds('webhook_delivery', 'What a delivery took, name look-up included.', DELIVERY_SECONDS);
    this.lag = metrics.gauge('webhook_lag_seconds', 'Age of the oldest entry an active endpoint was not told of yet.');
    this.endpoints = metrics.gauge('webhook_endpoints', 'Webhook endpoints by state.', ['state']);
    this.waiting = metrics.gauge('webhook_deliveries_waiting', 'Endpoints with a delivery due and not under way.');
    this.heldBack = metrics.gauge(
      'webhook_deliveries_held_back',
      'Waiting deliveries whose organiser has as many of this instance under way as one may.',
    );
  }

  attempted({ outcome, tookMs }: Attempt): void {
    this.deliveries.inc({ outcome });
    this.took.observe(tookMs / 1_000);
  }

  stand({ active, paused, disabled, waiting, heldBack, lagSeconds }: DeliveryFigures): void {
    this.endpoints.set({ state: 'active' }, active);
    this.endpoints.set({ state: 'paused' }, paused);
    this.endpoints.set({ state: 'disabled' }, disabled);
    this.waiting.set(waiting);
    this.heldBack.set(heldBack);
    this.lag.set(Math.max(0, lagSeconds));
  }
}
