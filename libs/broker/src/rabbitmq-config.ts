import { fromEnv, IsServerUrl } from '@holdfast/config';

export interface RabbitmqSettings {
  rabbitmqUrl: string;
}

/** A configuration class with the settings of RabbitMQ added to those of `Base`: every service reads them the same way. */
export function withRabbitmq<Settings extends object>(Base: new () => Settings): new () => Settings & RabbitmqSettings {
  class WithRabbitmq extends (Base as new () => object) implements RabbitmqSettings {
    @fromEnv('HOLDFAST_RABBITMQ_URL')
    @IsServerUrl('amqp', 'amqps')
    rabbitmqUrl: string = 'amqp://guest:guest@127.0.0.1:5672';
  }
  return WithRabbitmq as new () => Settings & RabbitmqSettings;
}
