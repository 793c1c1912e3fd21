export { expiryWorker } from './expiry-worker-service';
export { ExpiryWorkerConfig } from './expiry-worker-config';
export { HoldReleaser } from './hold-releaser';
