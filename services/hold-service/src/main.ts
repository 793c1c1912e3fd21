import { runService } from '@holdfast/http';
import { holdService } from './hold-service';
import { HoldServiceConfig } from './hold-service-config';

runService(HoldServiceConfig, holdService);
