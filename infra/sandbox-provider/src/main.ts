import { loadConfig } from '@holdfast/config';
import { SandboxConfig } from './sandbox-config';
import { startSandbox } from './server';

async function main(): Promise<void> {
  const sandbox = await startSandbox(loadConfig(SandboxConfig));
  console.log(JSON.stringify({ service: 'sandbox-provider', msg: 'listening', url: sandbox.url }));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void sandbox.close());
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
