import Table from 'cli-table3';
import colors from 'picocolors';
import type { DemoFigures, DemoResult } from './demo';
import type { Durability, Machine } from './machine';

export interface DemoDocument extends DemoFigures {
  name: 'demo';
  machine: Machine;
  settings: Record<string, string | number>;
  durability: Durability;
  /** The demo runs once: it judges, it does not race. */
  rounds: DemoFigures[];
}

const FAULTS: [keyof DemoFigures, what: string][] = [
  ['doubleBooked', 'Seats that two buyers had at once'],
  ['chargedWithoutSeat', 'Charged without a seat'],
  ['seatWithoutCharge', 'Seats without a charge'],
  ['neverReleased', 'Holds never released'],
  ['earlyReleases', 'Releases before the deadline'],
  ['brokenHistories', 'Broken histories'],
  ['leftSetAside', 'Money left set aside'],
];
const FINDINGS_SHOWN_MAX = 20;

export function faultCount(figures: DemoFigures): number {
  return FAULTS.reduce((sum, [fault]) => sum + Number(figures[fault]), 0);
}

/** The table for people. */
export function reportFor(document: DemoDocument, { findings, unexpectedAnswers }: DemoResult): string {
  const { machine, durability, latenessMs } = document;
  const table = new Table({ style: { head: [], border: [] }, colAligns: ['left', 'right'] });
  table.push(
    ['Seats', document.seats],
    ['Buyers', document.buyers],
    ['  left without paying or releasing', document.abandoned],
    ['  never got a seat', document.wentHome],
    ['Holds', document.held],
    ['  booked', document.booked],
    ['  expired', document.expired],
    ['    of these found by the sweeper', document.sweptReleases],
    ['  released', document.released],
    ['Requests to hold that were refused', document.refused],
    ['Release after its deadline, p50 / p99 / max ms', `${latenessMs.p50} / ${latenessMs.p99} / ${latenessMs.max}`],
    ['Seconds', document.seconds],
    ...FAULTS.map(([fault, what]) => [what, verdictOn(Number(document[fault]))]),
  );
  const lines = [
    table.toString(),
    `${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, Postgres ${machine.postgres} (${durability}), ` +
      `Redis ${machine.redis ?? '?'}, RabbitMQ ${machine.rabbitmq ?? '?'}`,
    ...[...unexpectedAnswers].map(([what, count]) => `Unexpected answer, ${count} times: ${what}`),
    ...findings.slice(0, FINDINGS_SHOWN_MAX).map((finding) => colors.red(finding)),
    ...(findings.length > FINDINGS_SHOWN_MAX ? [`... and ${findings.length - FINDINGS_SHOWN_MAX} more`] : []),
  ];
  return lines.join('\n');
}

function verdictOn(count: number): string {
  return count === 0 ? colors.green('0') : colors.red(String(count));
}
