import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, type LabelValues } from 'prom-client';

/** Buckets, in seconds, for the time a request takes: from a guard's refusal to a write time-out. */
export const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Buckets, in seconds, for how late after its deadline a hold was released: by an engine 2 ms, by the sweeper from 0.5 s. */
export const LATENESS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60];

const NAME = /^[a-z]+(_[a-z]+)*$/;

export interface MetricsOptions {
  /** Becomes the label `service` of every metric. */
  service: string;
  /** Node's own figures: memory, event loop, garbage collection. One registry per process should carry them. */
  processMetrics?: boolean;
}

/** A metric as `docs/metrics.md` lists it. */
export interface MetricDescription {
  name: string;
  kind: 'counter' | 'gauge' | 'histogram';
  help: string;
  /** Besides `service`, which all have. */
  labels: string[];
}

/** The one metrics registry of a process. Names follow one rule: `holdfast_<noun>_total`, `_seconds`, or bare. */
export class Metrics {
  /** What was registered, in that order. */
  readonly descriptions: MetricDescription[] = [];
  private readonly registry = new Registry();
  readonly contentType = this.registry.contentType;

  constructor(options: MetricsOptions) {
    this.registry.setDefaultLabels({ service: options.service });
    if (options.processMetrics) collectDefaultMetrics({ register: this.registry });
  }

  /** Counts events: `counter('guard_claims', ...)` is `holdfast_guard_claims_total`. */
  counter<L extends string = never>(noun: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter(this.describe('counter', `${nameOf(noun)}_total`, help, labelNames));
  }

  /**
   * Counters that are kept elsewhere, one for each value of a label, and read when the metrics are asked for:
   * `counted('timer_hops', ..., 'engine', () => [['parking', engine.counts.hops]])`.
   */
  counted<L extends string>(noun: string, help: string, label: L, read: () => [value: string, count: number][]): void {
    new Counter({
      ...this.describe('counter', `${nameOf(noun)}_total`, help, [label]),
      collect() {
        this.reset();
        for (const [value, count] of read()) this.inc({ [label]: value } as LabelValues<L>, count);
      },
    });
  }

  /** A value that goes up and down: `gauge('batch_queue_requests', ...)` is `holdfast_batch_queue_requests`. */
  gauge<L extends string = never>(noun: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge(this.describe('gauge', nameOf(noun), help, labelNames));
  }

  /** Durations: `seconds('hold_lateness', ..., LATENESS_SECONDS)` is `holdfast_hold_lateness_seconds`. */
  seconds<L extends string = never>(noun: string, help: string, buckets: number[], labelNames: L[] = []): Histogram<L> {
    return new Histogram({ ...this.describe('histogram', `${nameOf(noun)}_seconds`, help, labelNames), buckets });
  }

  /** Sizes: `sizes('hold_batch_requests', ..., [1, 10, 50])` is `holdfast_hold_batch_requests`. */
  sizes<L extends string = never>(noun: string, help: string, buckets: number[], labelNames: L[] = []): Histogram<L> {
    return new Histogram({ ...this.describe('histogram', nameOf(noun), help, labelNames), buckets });
  }

  /** The text that `/metrics` answers, of type {@link contentType}. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  private describe<L extends string>(kind: MetricDescription['kind'], name: string, help: string, labelNames: L[]) {
    this.descriptions.push({ name, kind, help, labels: labelNames });
    return { name, help, labelNames, registers: [this.registry] };
  }
}

function nameOf(noun: string): string {
  if (!NAME.test(noun)) throw new Error(`Metric name ${noun} is not lower case words joined by _`);
  return `holdfast_${noun}`;
}
