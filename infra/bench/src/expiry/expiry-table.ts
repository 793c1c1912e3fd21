import { toMarkdown, type FigureTable } from '../figure-table';
import type { ExpiryRound, ExpiryRow, Recovery } from './expiry-row';
import { SCENARIOS, type ScenarioName } from './scenarios';

type Column = [title: string, cell: (row: ExpiryRow) => string];

const NAME: Column[] = [
  ['engine', nameOf],
  ['timers kept', ({ durability }) => durability],
];
const LATENESS: Column[] = [
  ['p50', ({ latenessMs }) => figure(latenessMs?.p50)],
  ['p99', ({ latenessMs }) => figure(latenessMs?.p99)],
  ['p99.9', ({ latenessMs }) => figure(latenessMs?.p999)],
  ['max', ({ latenessMs }) => figure(latenessMs?.max)],
];
const FAULTS: Column[] = [
  ['early', ({ early }) => figure(early)],
  ['never', ({ neverReleased }) => figure(neverReleased)],
  ['swept', ({ swept }) => figure(swept)],
];
const RECOVERED: Column = ['found by its fallback', ({ recovered }) => figure(recovered)];
const COST: Column[] = [
  ['statements a release', ({ databaseStatementsPerRelease }) => figure(databaseStatementsPerRelease)],
  ['MB', ({ memoryMb }) => figure(memoryMb)],
];
const AFTER: Column[] = [
  ['announced p50 / p99', ({ announcedMs }) => pair(announcedMs?.p50, announcedMs?.p99)],
  ['resold p50 / p99', ({ resoldMs }) => pair(resoldMs?.p50, resoldMs?.p99)],
];

/** What hold-service and expiry-worker use when nothing is set. */
const DEFAULT_ENGINE = 'parking';

const COLUMNS: Record<ScenarioName, Column[]> = {
  steady: [...NAME, ...LATENESS, ...AFTER, ...FAULTS, ...COST],
  burst: [...NAME, ...LATENESS, ['drain ratio', ({ drainRatio }) => figure(drainRatio)], ...AFTER, ...FAULTS, ...COST],
  crowd: [...NAME, ['other keys', ({ backgroundKeys }) => figure(backgroundKeys)], ...LATENESS, RECOVERED, ...FAULTS],
  kill: [
    ...NAME,
    ['worker: lost, back in', ({ afterKill }) => recovery(afterKill?.worker)],
    ['server: lost, back in', ({ afterKill }) => recovery(afterKill?.server)],
    ...LATENESS.slice(-1),
    ...FAULTS,
  ],
  million: [
    ...NAME,
    ['pending', ({ pending }) => figure(pending)],
    ['restored in', ({ restoreMs }) => figure(restoreMs)],
    ...LATENESS,
    ...FAULTS,
    ...COST.slice(-1),
  ],
};

/** What a scenario asks, for the reader of its table. */
const QUESTIONS: Record<ScenarioName, string> = {
  steady: 'Holds run out one after another: how late are they released?',
  burst: 'All holds of a rush run out within one second.',
  crowd: 'Holds on one deadline, while Redis keeps other keys that run out later.',
  kill: 'kill -9 of the worker, then of the server that keeps the timers, while holds run out.',
  million: 'Very many timers are pending, and the worker is killed and restored.',
};

/** A table for each scenario that was run. Times in milliseconds. */
export function expiryTables({ engines }: Pick<ExpiryRound, 'engines'>): FigureTable[] {
  return SCENARIOS.flatMap((scenario) => {
    const rows = engines.filter((row) => row.scenario === scenario);
    const [first] = rows;
    if (!first) return [];
    const columns = COLUMNS[scenario];
    const size = `${figure(first.pending)} holds, ${figure(first.dueRate)} due a second`;
    return [
      {
        title: scenario,
        text: scenario === 'crowd' ? QUESTIONS[scenario] : `${QUESTIONS[scenario]} ${size}.`,
        head: columns.map(([title]) => title),
        rows: rows.map((row) => columns.map(([, cell]) => cell(row))),
      },
    ];
  });
}

/** The part of the page: what is promised of the default engine, the tables, and what was left out. */
export function expirySection(round: ExpiryRound): string[] {
  return [...promise(round), ...expiryTables(round), flushes(round)]
    .flatMap(toMarkdown)
    .concat(skippedLines(round).flatMap((line) => [line, '']));
}

/** The published promise: the default engine as it was measured, at an even pace and in the rush after an on-sale. */
function promise({ engines }: ExpiryRound): FigureTable[] {
  const rowOf = (scenario: ScenarioName) =>
    engines.find((row) => row.engine === DEFAULT_ENGINE && row.scenario === scenario);
  const [steady, burst, kill] = [rowOf('steady'), rowOf('burst'), rowOf('kill')];
  if (!steady || !burst) return [];
  const line = (name: string, cell: (row: ExpiryRow) => string) => [name, cell(steady), cell(burst)];
  const late = ({ latenessMs: ms }: ExpiryRow) => [ms?.p50, ms?.p99, ms?.p999, ms?.max].map(figure).join(' / ');
  const both = ({ dueRate }: ExpiryRow) => `${figure(dueRate)} due a second`;
  const back = kill?.afterKill?.worker.recoveredMs;
  const afterKill =
    back === undefined ? '' : ` After a kill -9 of the worker all was released ${figure(back)} ms after its restart.`;
  return [
    {
      title: 'The promise',
      text: `From a deadline to the release, announced and sold again, by the default engine, in milliseconds.${afterKill}`,
      head: ['', both(steady), `${figure(burst.pending)} within one second`],
      rows: [
        line('released, p50 / p99 / p99.9 / max', late),
        line('announced, p50 / p99', ({ announcedMs }) => pair(announcedMs?.p50, announcedMs?.p99)),
        line('sold again over HTTP, p50 / p99', ({ resoldMs }) => pair(resoldMs?.p50, resoldMs?.p99)),
        line('released early', ({ early }) => figure(early)),
        line('never released', ({ neverReleased }) => figure(neverReleased)),
      ],
    },
  ];
}

/** What comes on top of the lateness, and what the worker costs. */
function flushes({ engines }: ExpiryRound): FigureTable {
  return {
    title: 'cost',
    text: 'In `steady`: the mean flush of a commit to the disk, which comes on top of the lateness, and CPU time a release.',
    head: ['engine', 'flush ms', 'relay statements a release', 'CPU ms: worker', 'Postgres', 'Redis', 'RabbitMQ'],
    rows: engines
      .filter(({ scenario }) => scenario === 'steady')
      .map((row) => [
        nameOf(row),
        figure(row.commitFlushMs),
        figure(row.relayStatementsPerRelease),
        ...(['node', 'postgres', 'redis', 'rabbitmq'] as const).map((part) => figure(row.cpuMsPerRelease?.[part])),
      ]),
  };
}

/** What could not be run here, and why, a line each. */
export const skippedLines = ({ skipped }: Pick<ExpiryRound, 'skipped'>): string[] =>
  skipped.map(({ engine, why }) => `${engine} was not run: ${why}`);

/** An engine or peer, with its setting where that is not the only one. */
export function nameOf({ engine, variant, kind }: ExpiryRow): string {
  return variant === 'default' && kind === 'ours' ? engine : `${engine} (${variant})`;
}

const figure = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toLocaleString('en', { maximumFractionDigits: 3 });

const pair = (one: number | undefined, other: number | undefined): string =>
  one === undefined ? '–' : `${figure(one)} / ${figure(other)}`;

const recovery = (one: Recovery | undefined): string =>
  one ? `${figure(one.lost)}, ${one.recoveredMs === null ? 'not' : figure(one.recoveredMs)}` : '–';
