import { describeHttpApi } from '@holdfast/http';
import { HoldServiceConfig, holdService } from '@holdfast/hold-service';
import { PaymentConfig, paymentService } from '@holdfast/payment-service';
import { WebhookConfig, webhookService } from '@holdfast/webhook-service';
import type { OpenAPIObject } from '@nestjs/swagger';

/** Nothing is signed with it: the applications are only described. */
const NO_SECRET = 'not a secret, only long enough to be taken for one';

/** The whole HTTP interface as one OpenAPI document: the gateway puts the services behind one origin. */
export async function openApiText(): Promise<string> {
  const settings = { jwtSecret: NO_SECRET, logLevel: 'silent' } as const;
  const documents = [
    await describeHttpApi(holdService(Object.assign(new HoldServiceConfig(), settings))),
    await describeHttpApi(paymentService(Object.assign(new PaymentConfig(), settings))),
    await describeHttpApi(webhookService(Object.assign(new WebhookConfig(), settings, { webhookKey: NO_SECRET }))),
  ];
  return `${JSON.stringify(merged(documents), null, 2)}\n`;
}

function merged(documents: OpenAPIObject[]): OpenAPIObject {
  const [first] = documents;
  if (!first) throw new Error('there is a service');
  return {
    ...first,
    info: { ...first.info, title: 'Holdfast' },
    paths: together(documents.map((document) => document.paths)),
    components: {
      ...first.components,
      schemas: together(documents.map((document) => document.components?.schemas ?? {})),
    },
  };
}

/** All members, in an order that does not depend on which module was loaded first. */
function together<T>(parts: Record<string, T>[]): Record<string, T> {
  const members = new Map(parts.flatMap((part) => Object.entries(part)));
  return Object.fromEntries([...members].sort(([a], [b]) => (a < b ? -1 : 1)));
}
