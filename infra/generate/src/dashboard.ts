/** A graph of the dashboard: a line for each query, named by its legend. */
interface Panel {
  title: string;
  /** Grafana's name of it: `reqps`, `cps` (counts a second), `s`, `short`, ... */
  unit: string;
  /** For those that show nothing on a good day. */
  description?: string;
  queries: { legend: string; expr: string }[];
}

const HOLDS = '{service="hold-service",method="POST",route=~".*/holds"}';
const RATE = '[$__rate_interval]';

const quantile = (q: number, metric: string, labels = '', by = 'le') =>
  `histogram_quantile(${q}, sum by (${by}) (rate(${metric}_bucket${labels}${RATE})))`;
const rateBy = (label: string, metric: string, labels = '') => `sum by (${label}) (rate(${metric}${labels}${RATE}))`;

const PANELS: Panel[] = [
  {
    title: 'Holds asked for, by answer',
    unit: 'reqps',
    queries: [{ legend: '{{status}}', expr: rateBy('status', 'holdfast_http_request_seconds_count', HOLDS) }],
  },
  {
    title: 'Time of a hold',
    unit: 's',
    queries: [0.5, 0.99].map((q) => ({
      legend: `p${q * 100}`,
      expr: quantile(q, 'holdfast_http_request_seconds', HOLDS),
    })),
  },
  {
    title: 'The early no',
    unit: 'reqps',
    queries: [
      { legend: 'by the map', expr: `sum(rate(holdfast_taken_map_refusals_total${RATE}))` },
      { legend: 'guard: {{outcome}}', expr: rateBy('outcome', 'holdfast_guard_claims_total') },
    ],
  },
  {
    title: 'From deadline to release',
    unit: 's',
    queries: [0.5, 0.99].map((q) => ({
      legend: `p${q * 100} {{by}}`,
      expr: quantile(q, 'holdfast_hold_lateness_seconds', '', 'le, by'),
    })),
  },
  {
    title: 'Releases',
    unit: 'cps',
    queries: [
      { legend: 'by {{engine}}', expr: rateBy('engine', 'holdfast_released_holds_total') },
      { legend: 'by the sweeper', expr: `sum(rate(holdfast_swept_releases_total${RATE}))` },
    ],
  },
  {
    title: 'Age of the oldest ledger entry not published',
    unit: 's',
    queries: [{ legend: 'ledger', expr: 'max(holdfast_ledger_lag_seconds)' }],
  },
  {
    title: 'Payments, by the state they come to',
    unit: 'cps',
    queries: [{ legend: '{{state}}', expr: rateBy('state', 'holdfast_payment_moves_total') }],
  },
  {
    title: 'Refunds, by the state they come to',
    unit: 'cps',
    description: 'Empty until the first refund.',
    queries: [{ legend: '{{state}}', expr: rateBy('state', 'holdfast_refund_moves_total') }],
  },
  {
    title: 'Oldest payments and refunds without an end',
    unit: 's',
    description: 'By the state they are in. A payer may take until the deadline, a bank days for a refund.',
    queries: [
      { legend: 'payment: {{state}}', expr: 'max by (state) (holdfast_unfinished_payment_seconds)' },
      { legend: 'refund: {{state}}', expr: 'max by (state) (holdfast_unfinished_refund_seconds)' },
    ],
  },
  {
    title: 'Waiting for people: open breaks, dead letters',
    unit: 'short',
    description: 'A break is drawn only while it is open.',
    queries: [
      { legend: 'break: {{kind}}', expr: 'max by (kind) (holdfast_payment_breaks_open)' },
      { legend: 'dead letters', expr: 'max(holdfast_dead_letters)' },
    ],
  },
  {
    title: 'Webhook deliveries, by outcome',
    unit: 'cps',
    queries: [{ legend: '{{outcome}}', expr: rateBy('outcome', 'holdfast_webhook_deliveries_total') }],
  },
  {
    title: 'Age of the oldest entry not delivered',
    unit: 's',
    queries: [{ legend: 'webhooks', expr: 'max(holdfast_webhook_lag_seconds)' }],
  },
  {
    title: 'Answers 5xx: 500 is a fault of ours, 503 says that a part is away',
    unit: 'reqps',
    description: 'Empty until the first of them.',
    queries: [
      {
        legend: '{{service}} {{status}}',
        expr: rateBy('service, status', 'holdfast_http_request_seconds_count', '{status=~"5.."}'),
      },
    ],
  },
  {
    title: 'CPU, all instances',
    unit: 'percentunit',
    queries: [{ legend: '{{service}}', expr: rateBy('service', 'process_cpu_seconds_total') }],
  },
  {
    title: 'Memory of the largest instance',
    unit: 'bytes',
    queries: [{ legend: '{{service}}', expr: 'max by (service) (process_resident_memory_bytes)' }],
  },
  {
    title: 'Event loop, p99 of its delay',
    unit: 's',
    description: 'Looked at every 10 ms, which count: 11 ms is an idle service.',
    queries: [{ legend: '{{service}}', expr: 'max by (service) (nodejs_eventloop_lag_p99_seconds)' }],
  },
];

const COLUMNS = 3;
const [WIDTH, HEIGHT] = [24 / COLUMNS, 8];

/** `infra/grafana/dashboard.json`: the services on one page, to be imported into Grafana. */
export function dashboardJson(): Promise<string> {
  const datasource = { type: 'prometheus', uid: '${datasource}' };
  const dashboard = {
    title: 'Holdfast',
    uid: 'holdfast',
    schemaVersion: 39,
    timezone: 'browser',
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }] },
    panels: PANELS.map(({ title, unit, description, queries }, nth) => ({
      id: nth + 1,
      type: 'timeseries',
      title,
      description,
      datasource,
      gridPos: { x: (nth % COLUMNS) * WIDTH, y: Math.floor(nth / COLUMNS) * HEIGHT, w: WIDTH, h: HEIGHT },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: queries.map(({ legend, expr }, query) => ({
        refId: String.fromCharCode('A'.charCodeAt(0) + query),
        datasource,
        expr,
        legendFormat: legend,
      })),
    })),
  };
  return Promise.resolve(`${JSON.stringify(dashboard, null, 2)}\n`);
}
