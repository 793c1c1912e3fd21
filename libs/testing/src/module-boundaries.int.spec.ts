import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '..', '..', '..');
const LINT_MS = 120_000;

/** Imports that must not pass, each planted as a file of the project that may not have it. */
const planted = [
  {
    what: 'a platform lib that imports the domain',
    folder: 'libs/postgres/src',
    imports: '@holdfast/inventory',
    rule: '@nx/enforce-module-boundaries',
  },
  {
    what: 'a service that imports another',
    folder: 'services/hold-service/src',
    imports: '@holdfast/payment-service',
    rule: '@nx/enforce-module-boundaries',
  },
  {
    what: 'a service that imports the sandbox provider',
    folder: 'services/payment-service/src',
    imports: '@holdfast/sandbox-provider',
    rule: '@nx/enforce-module-boundaries',
  },
  {
    what: 'a service that imports the helpers of tests',
    folder: 'services/expiry-worker/src',
    imports: '@holdfast/testing',
    rule: '@nx/enforce-module-boundaries',
  },
  {
    what: 'the broker driver outside its lib',
    folder: 'libs/expiry/src',
    imports: 'amqplib',
    rule: 'no-restricted-imports',
  },
];

const fileOf = ({ folder }: (typeof planted)[number]) => join(ROOT, folder, 'planted-by-a-test.ts');

interface LintedFile {
  filePath: string;
  messages: { ruleId: string | null; severity: number }[];
}

describe('lint', () => {
  let linted: LintedFile[];

  beforeAll(async () => {
    const graph = mkdtempSync(join(tmpdir(), 'holdfast-graph-'));
    try {
      // Without a cached project graph the rule is skipped without a word.
      await run('nx', 'graph', '--file', join(graph, 'graph.json'));
      for (const plant of planted) writeFileSync(fileOf(plant), `export * from '${plant.imports}';\n`);
      linted = JSON.parse(await run('eslint', '--format', 'json', ...planted.map(fileOf))) as LintedFile[];
    } finally {
      for (const plant of planted) rmSync(fileOf(plant), { force: true });
      rmSync(graph, { recursive: true, force: true });
    }
  }, LINT_MS);

  it.each(planted)('refuses $what', (plant) => {
    const file = linted.find(({ filePath }) => filePath === fileOf(plant));
    expect(file?.messages).toContainEqual(expect.objectContaining({ ruleId: plant.rule, severity: 2 }));
  });
});

/** Standard output of a tool of the workspace, whether it found something to complain about or not. */
async function run(tool: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, NX_DAEMON: 'false' };
  const command = join(ROOT, 'node_modules', '.bin', tool);
  try {
    return (await promisify(execFile)(command, args, { cwd: ROOT, env })).stdout;
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (stdout) return stdout;
    throw error;
  }
}
