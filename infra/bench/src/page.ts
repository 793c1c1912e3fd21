import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WORKSPACE } from './bench-system';
import { barChart, type Bar, type Chart } from './chart';
import type { BenchDocument } from './document';
import { expiryCharts } from './expiry/expiry-chart';
import type { ExpiryRound } from './expiry/expiry-row';
import { expirySection } from './expiry/expiry-table';
import type { HoldRound } from './hold-bench';
import type { OnSaleRound } from './on-sale-bench';
import type { PaymentsRound } from './payments/payments-bench';
import { rowsOf } from './rows';
import type { StampedeRound } from './stampede-bench';

const DOCS = join(WORKSPACE, 'docs');
const RESULTS = join(DOCS, 'benchmarks');
const NOT_TO_QUOTE =
  '**One quick round, on a machine that may have been busy with other work: it shows that the bench runs, not how fast.**';

/** Keeps a result beside the page with its chart, and writes the page anew from all results that are kept. */
export function writePage(document: BenchDocument): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${document.name}.json`), `${JSON.stringify(document, null, 2)}\n`);
  for (const { file, title, bars } of chartsOf(document)) {
    if (bars.length > 0) writeFileSync(join(RESULTS, `${file}.svg`), barChart(title, bars));
  }
  const documents = readdirSync(RESULTS)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as BenchDocument);
  writeFileSync(join(DOCS, 'benchmarks.md'), pageOf(documents));
}

function pageOf(documents: BenchDocument[]): string {
  return [
    '# Benchmarks',
    '',
    'Written by the benches themselves; do not edit. Ratios are taken within one run, whose sides take turns; times are',
    'those of the machine named, with load generator, servers and services on the same cores.',
    '',
    ...documents.flatMap(sectionOf),
  ].join('\n');
}

function sectionOf({ name, machine, settings, durability, rounds, ...medians }: BenchDocument): string[] {
  const charts = readdirSync(RESULTS)
    .filter((file) => file === `${name}.svg` || (file.startsWith(`${name}-`) && file.endsWith('.svg')))
    .flatMap((file) => [`![${file.slice(0, -'.svg'.length)}](benchmarks/${file})`, '']);
  const table = (rows: [string, string][]) => [
    '| figure | median |',
    '|---|---:|',
    ...rows.map(([figure, value]) => `| ${figure} | ${value} |`),
    '',
  ];
  return [
    `## ${name}`,
    '',
    `\`npm run -s bench -- ${name} --profile ${settings.profile}\`: ${rounds.length} ${rounds.length === 1 ? 'round' : 'rounds'}, ` +
      `durability ${durability}. ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, ` +
      `Postgres ${machine.postgres}, Redis ${machine.redis ?? '?'}, RabbitMQ ${machine.rabbitmq ?? '?'}. ` +
      `${rowsOf(settings)
        .map(([setting, value]) => `${setting} ${value}`)
        .join(', ')}.`,
    '',
    ...(settings.profile === 'quick' ? [NOT_TO_QUOTE, ''] : []),
    ...charts,
    ...(name === 'expiry' ? expirySection(medians as ExpiryRound) : table(rowsOf(medians))),
  ];
}

/** The charts of a bench; the first part of a file's name is the bench's. */
function chartsOf(document: BenchDocument): Chart[] {
  if (document.name === 'expiry') return expiryCharts(document as BenchDocument<ExpiryRound>);
  const [title, bars] = CHARTS[document.name]?.(document) ?? [document.name, []];
  return [{ file: document.name, title, bars }];
}

const CHARTS: Record<string, (document: BenchDocument) => [title: string, bars: Bar[]]> = {
  hold: (document) => {
    const { holdsPerSecond, pgbenchPerSecond, naivePerSecond } = document as BenchDocument<HoldRound>;
    return [
      'Durable holds a second, through HTTP (pgbench: the bare write)',
      [
        { label: 'Holdfast', value: holdsPerSecond },
        { label: 'pgbench', value: pgbenchPerSecond },
        { label: 'a transaction each', value: naivePerSecond },
      ],
    ];
  },
  stampede: (document) => {
    const { variants, bareHttpPerSecond } = document as BenchDocument<StampedeRound>;
    const bars = Object.entries(variants).map(([label, { refusalsPerSecond }]) => ({
      label,
      value: refusalsPerSecond,
    }));
    return ['Refusals a second on one seat', [...bars, { label: 'an empty route', value: bareHttpPerSecond }]];
  },
  payments: (document) => {
    const { stepsMs } = document as BenchDocument<PaymentsRound>;
    return [
      'Where the time of a payment goes: milliseconds by step',
      Object.entries(stepsMs).map(([label, value]) => ({ label, value })),
    ];
  },
  'on-sale': (document) => {
    const { holdsPerSecond, offeredPerSecond } = document as BenchDocument<OnSaleRound>;
    return [
      'On sale: requests offered and holds taken a second',
      [
        { label: 'offered', value: offeredPerSecond },
        { label: 'holds', value: holdsPerSecond },
      ],
    ];
  },
};
