import { Guard } from '@holdfast/guard';
import { Readiness } from '@holdfast/http';
import { Metrics } from '@holdfast/observability';
import { Database } from '@holdfast/postgres';
import { Module, type DynamicModule } from '@nestjs/common';
import { Connections } from './connections';
import { GuardHealingController } from './guard-healing.controller';
import { EventController } from './event.controller';
import { EventImports } from './event-imports';
import { HoldController } from './hold.controller';
import type { HoldServiceConfig } from './hold-service-config';
import { HoldTaking } from './hold-taking';
import { Layouts } from './layouts';
import { PacedAnswers } from './paced-answers';
import { PaymentCommandsController } from './payment-commands.controller';
import { SeatController } from './seat.controller';
import { SeatMaps } from './seat-maps';

@Module({})
export class HoldServiceModule {
  constructor(readiness: Readiness, database: Database) {
    // Redis and RabbitMQ only make it faster: without them holds go on.
    readiness.add('postgres', () => database.check());
  }

  static with(config: HoldServiceConfig): DynamicModule {
    return {
      module: HoldServiceModule,
      controllers: [EventController, SeatController, HoldController, PaymentCommandsController, GuardHealingController],
      providers: [
        {
          provide: Connections,
          inject: [Metrics],
          useFactory: (metrics: Metrics) => Connections.open(config, metrics),
        },
        { provide: Database, inject: [Connections], useFactory: ({ database }: Connections) => database },
        { provide: Guard, inject: [Connections], useFactory: ({ guard }: Connections) => guard },
        { provide: EventImports, inject: [Connections], useFactory: ({ imports }: Connections) => imports },
        { provide: Layouts, inject: [Database], useFactory: (database: Database) => new Layouts(database) },
        { provide: SeatMaps, inject: [Database], useFactory: (database: Database) => new SeatMaps(database) },
        PacedAnswers,
        {
          provide: HoldTaking,
          inject: [Connections],
          useFactory: ({ holdPath }: Connections) => new HoldTaking(holdPath),
        },
      ],
    };
  }
}
