import { loadConfig, OperatorError } from '@holdfast/config';
import { startHttpService, type HttpServiceOptions } from './http-service';

/**
 * The whole of a service's `main`: reads its configuration and starts it. When it cannot start, the process ends with exit
 * code 1; what an operator can set right is said in its own words alone, a fault of ours with its stack.
 */
export function runService<Config extends object>(
  Config: new () => Config,
  service: (config: Config) => HttpServiceOptions,
): void {
  const start = async () => startHttpService(service(loadConfig(Config)));
  start().catch((error: unknown) => {
    console.error(error instanceof OperatorError ? error.message : error);
    process.exit(1);
  });
}
