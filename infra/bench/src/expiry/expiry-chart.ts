import type { Chart } from '../chart';
import type { ExpiryRound } from './expiry-row';
import { nameOf } from './expiry-table';
import type { ScenarioName } from './scenarios';

const TITLES: Partial<Record<ScenarioName, string>> = {
  steady: 'Holds that run out at an even pace: p99 from deadline to release, ms',
  burst: 'A rush that runs out within one second: p99 from deadline to release, ms',
};

/** How late each engine and peer was; the shorter the better. */
export function expiryCharts({ engines }: Pick<ExpiryRound, 'engines'>): Chart[] {
  return Object.entries(TITLES).map(([scenario, title]) => ({
    file: `expiry-${scenario}`,
    title,
    bars: engines
      .filter((row) => row.scenario === scenario && row.latenessMs !== null)
      .map((row) => ({ label: nameOf(row), value: row.latenessMs?.p99 ?? 0 })),
  }));
}
