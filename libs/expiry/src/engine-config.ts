import { fromEnv } from '@holdfast/config';
import { ArrayUnique, IsIn, IsOptional, IsString, IsUrl, Matches } from 'class-validator';
import { EXPIRY_ENGINES, type ExpiryEngineName } from './expiry-engine';

/** What both ends of an engine must be told alike: where a hold is scheduled, and where its deadline is heard of. */
export interface EngineSettings {
  expiryEngines: [ExpiryEngineName, ...ExpiryEngineName[]];
  sqsEndpoint?: string;
  sqsRegion: string;
  sqsQueue: string;
}

/** A configuration class with the settings of the expiry engines' two ends added to those of `Base`. */
export function withEngines<Settings extends object>(Base: new () => Settings): new () => Settings & EngineSettings {
  class WithEngines extends (Base as new () => object) implements EngineSettings {
    /** What wakes the expiry-worker at a deadline: holds are scheduled on the first of the list, all of it is listened to. */
    @fromEnv('HOLDFAST_EXPIRY_ENGINE')
    @IsIn(EXPIRY_ENGINES, { each: true })
    @ArrayUnique()
    expiryEngines: [ExpiryEngineName, ...ExpiryEngineName[]] = ['parking'];

    /** For the engine `sqs`: its address, where it is not Amazon's own of the region. Credentials come by the AWS SDK's own ways. */
    @fromEnv('HOLDFAST_SQS_ENDPOINT')
    @IsOptional()
    @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
    sqsEndpoint?: string;

    /** For the engine `sqs`: the AWS region. */
    @fromEnv('HOLDFAST_SQS_REGION')
    @IsString()
    sqsRegion: string = 'eu-central-1';

    /** For the engine `sqs`: name of the standard queue; made when it is not there. */
    @fromEnv('HOLDFAST_SQS_QUEUE')
    @Matches(/^[\w-]{1,80}$/)
    sqsQueue: string = 'holdfast-timers';
  }
  return WithEngines as new () => Settings & EngineSettings;
}
