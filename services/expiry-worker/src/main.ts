import { runService } from '@holdfast/http';
import { ExpiryWorkerConfig } from './expiry-worker-config';
import { expiryWorker } from './expiry-worker-service';

runService(ExpiryWorkerConfig, expiryWorker);
