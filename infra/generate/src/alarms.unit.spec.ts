import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (file: string) => readFileSync(join(__dirname, '..', '..', '..', file), 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found);

const rules = read('infra/prometheus/alerts.yml');
const alarms = all(rules, /- alert: (\w+)/g);

describe('alarms', () => {
  it('have a section of the operations page each, in their order, and name it', () => {
    expect(alarms.length).toBeGreaterThan(0);
    expect(all(read('docs/operations.md'), /^## (Holdfast\w+)$/gm)).toEqual(alarms);
    expect(all(rules, /runbook: docs\/operations\.md#(\S+)/g)).toEqual(alarms.map((name) => name.toLowerCase()));
  });

  it('are tested by firing and by silence each', () => {
    const tests = read('infra/prometheus/alerts.test.yml');
    const silent = all(tests, /alertname: (\w+), eval_time: \w+, exp_alerts: \[\]/g);
    const firing = all(tests, /alertname: (\w+)\n/g);
    expect(alarms.filter((name) => !silent.includes(name) || !firing.includes(name))).toEqual([]);
  });
});
