import { runService } from '@holdfast/http';
import { WebhookConfig } from './webhook-config';
import { webhookService } from './webhook-service';

runService(WebhookConfig, webhookService);
