export { webhookService } from './webhook-service';
export { WebhookConfig } from './webhook-config';
export { webhookMigrations } from './migrations';
