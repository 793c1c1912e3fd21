import { ConfigError, loadConfig } from '@holdfast/config';
import { startHttpService } from '@holdfast/http';
import { holdService } from './hold-service';
import { HoldServiceConfig } from './hold-service-config';

startHttpService(holdService(loadConfig(HoldServiceConfig))).catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
