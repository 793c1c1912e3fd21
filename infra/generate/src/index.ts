import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { provideTestServers, stopTestServers } from '@holdfast/testing';
import { Command } from 'commander';
import { dashboardJson } from './dashboard';
import { messageCatalogue } from './message-catalogue';
import { metricsPage } from './metrics';
import { openApiText } from './openapi';
import { sandboxPage } from './sandbox-page';
import { schemaSql } from './schema';
import { settingsPage } from './settings';

/** Everything in the repository that a program writes. `npm test` fails when one of them is not what it would be now. */
const generated: { file: string; generate: () => Promise<string> }[] = [
  { file: 'openapi.json', generate: openApiText },
  { file: 'docs/messages.md', generate: messageCatalogue },
  { file: 'docs/metrics.md', generate: metricsPage },
  { file: 'infra/grafana/dashboard.json', generate: dashboardJson },
  { file: 'docs/settings.md', generate: settingsPage },
  { file: 'docs/sandbox.md', generate: sandboxPage },
  { file: 'docs/schema.sql', generate: schemaSql },
];

const root = join(__dirname, '..', '..', '..');

/** Writes every generated file; with `--check` only says which differ, and fails if one does. */
async function main(check: boolean): Promise<void> {
  for (const { file, generate } of generated) {
    const path = join(root, file);
    const text = await generate();
    if (text === present(path)) continue;
    if (check) {
      console.error(`${file} is not current: run \`npm run generate\` and commit it`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${file}`);
  }
}

function present(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The schema is dumped from a real Postgres, its own unless the environment names one. */
async function withServers(work: () => Promise<void>): Promise<void> {
  await provideTestServers();
  await work().finally(stopTestServers);
}

const { check } = new Command('generate')
  .description('Writes every file of the repository that a program writes.')
  .option('--check', 'writes nothing; says which are not current, and fails if one is not')
  .parse()
  .opts<{ check?: boolean }>();
void withServers(() => main(check ?? false));
