import { RabbitTransport, type TransportQueue } from '@holdfast/broker';
import { BeginPayment, Book, EndPayment, LateBook, SeatsFreed, Unbook } from '@holdfast/contracts';
import { TokenVerifier, type HttpServiceOptions } from '@holdfast/http';
import { isDatabaseUnavailable } from '@holdfast/postgres';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { Connections } from './connections';
import type { HoldServiceConfig } from './hold-service-config';
import { HoldServiceModule } from './hold-service.module';
import { HoldTaking } from './hold-taking';
import { HOLDS_PATH, shortHoldRoute } from './short-hold-route';

/** Both queues are shared by all instances of the service. A command holds a connection to Postgres while it runs. */
const QUEUES: TransportQueue[] = [
  { queue: 'hold-service.commands', prefetch: 10, contracts: [BeginPayment, Book, LateBook, EndPayment, Unbook] },
  { queue: 'hold-service.guard', prefetch: 20, contracts: [SeatsFreed] },
];

/** What to give `runService`, or `createHttpApp` in tests. */
export function holdService(config: HoldServiceConfig): HttpServiceOptions {
  return {
    name: 'hold-service',
    module: HoldServiceModule.with(config),
    config,
    isUnavailable: isDatabaseUnavailable,
    shortRoutes: [
      {
        method: 'POST',
        url: '/v1/events/:eventId/holds',
        path: HOLDS_PATH,
        handler: (app) =>
          shortHoldRoute(app.get(HoldTaking, { strict: false }), app.get(TokenVerifier, { strict: false })),
      },
    ],
    configure: (app) => {
      const strategy = new RabbitTransport(app.get(Connections).broker, QUEUES);
      app.connectMicroservice<MicroserviceOptions>({ strategy });
    },
  };
}
