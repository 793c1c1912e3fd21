import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { buildArgv, runCLI } from 'jest';
import { whyNobodyAnswers } from './silence';
import { targetFromEnv, targetOfLocalSystem, targetToEnv, type Target } from './target';

interface E2eOptions {
  url?: string;
  jwtSecret?: string;
  organiserToken?: string;
  buyerTokens?: string;
  providerUrl?: string;
  providerKey?: string;
  receiverHost?: string;
  outputFile?: string;
  only?: string;
}

const WORKSPACE = join(__dirname, '..', '..', '..');
/** Cases mostly wait for deadlines, so two files at a time halve the run, on two cores too. */
const WORKERS = '2';

/** `npm run e2e -- --url http://...`: the end-to-end suite against a system that runs already. */
export async function runE2eCommand(argv: string[]): Promise<void> {
  const command = new Command('e2e')
    .description('Runs the end-to-end suite against a running system, through its gateway only.')
    .option('--url <url>', 'the gateway; default: the system of npm start', address)
    .option('--jwt-secret <secret>', 'lets the suite mint tokens (HOLDFAST_JWT_SECRET)')
    .option('--organiser-token <token>', 'where the secret is not known (HOLDFAST_E2E_ORGANISER_TOKEN)')
    .option('--buyer-tokens <tokens>', 'comma list, one a buyer (HOLDFAST_E2E_BUYER_TOKEN)')
    .option('--provider-url <url>', 'the sandbox provider, to read its books (HOLDFAST_STRIPE_API_URL)')
    .option('--provider-key <key>', 'its secret key (HOLDFAST_STRIPE_SECRET_KEY)')
    .option('--receiver-host <host>', 'by which the system reaches this suite (HOLDFAST_E2E_RECEIVER_HOST)')
    .option('--only <pattern>', 'only the cases whose name matches')
    .option('--output-file <file>', "jest's results as JSON")
    .parse(argv);
  const options = command.opts<E2eOptions>();
  const target = chooseTarget(options);
  if (!target) return command.error('No system: give --url, or start one with npm start.');
  const silence = await whyNobodyAnswers(target.url);
  if (silence !== undefined) return command.error(`Nothing answers at ${target.url}: ${silence}`);
  Object.assign(process.env, targetToEnv(target));
  process.stderr.write(`End-to-end cases against ${target.url}\n`);
  const { numPassedTests, numFailedTests, numPendingTests, numRuntimeErrorTestSuites, success } =
    await runSuite(options);
  const why = options.only ? 'not asked for, or the target gave too few means' : 'the target gave too few means';
  const skipped = numPendingTests > 0 ? `${numPendingTests} skipped (${why}), ` : '';
  process.stdout.write(`${skipped}${numPassedTests} passed, ${numFailedTests + numRuntimeErrorTestSuites} failed\n`);
  process.exitCode = success && numPassedTests > 0 ? 0 : 1;
}

function address(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('an address, for example http://127.0.0.1:8080');
  return text;
}

/** What is asked for, over the environment, over the system of `npm start`; its secrets only go to its own address. */
export function chooseTarget(
  options: E2eOptions,
  env: NodeJS.ProcessEnv = process.env,
  localFolder = join(WORKSPACE, '.local'),
): Target | undefined {
  const fromEnv = targetFromEnv(env);
  const url = options.url ?? fromEnv.url;
  const local = targetOfLocalSystem(localFolder);
  const base = local && (!url || sameOrigin(url, local.url)) ? local : undefined;
  if (!url && !base) return undefined;
  const providerUrl = options.providerUrl ?? fromEnv.provider?.url ?? base?.provider?.url;
  const secretKey = options.providerKey ?? fromEnv.provider?.secretKey ?? base?.provider?.secretKey;
  const named = options.buyerTokens?.split(',') ?? fromEnv.buyerTokens;
  return {
    url: url || (base as Target).url,
    jwtSecret: options.jwtSecret ?? fromEnv.jwtSecret ?? base?.jwtSecret,
    organiserToken: options.organiserToken ?? fromEnv.organiserToken ?? base?.organiserToken,
    buyerTokens: named.length > 0 ? named : (base?.buyerTokens ?? []),
    provider: providerUrl && secretKey ? { url: providerUrl, secretKey } : undefined,
    receiverHost: options.receiverHost ?? fromEnv.receiverHost ?? base?.receiverHost,
  };
}

async function runSuite({ outputFile, only }: E2eOptions) {
  const args = [join('infra', 'e2e'), '--rootDir', WORKSPACE, '--selectProjects', 'e2e', '--maxWorkers', WORKERS];
  if (only) args.push('--testNamePattern', only);
  if (outputFile) args.push('--json', '--outputFile', outputFile);
  const { results } = await runCLI(await buildArgv(args), [WORKSPACE]);
  return results;
}

function sameOrigin(a: string, b: string): boolean {
  return new URL(a).origin === new URL(b).origin;
}
