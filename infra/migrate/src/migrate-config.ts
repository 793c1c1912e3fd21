import { fromEnv, IsServerUrl } from '@holdfast/config';
import { IsOptional, Matches } from 'class-validator';

/** What may stand in a password that becomes part of a URL: nothing that needs escaping. */
const PASSWORD = /^[\w.~-]{8,}$/;

/** Settings of the migration command. With the address of the owner alone it only brings the schema up to date. */
export class MigrateConfig {
  /** The database, as its owner: the user that tables belong to. */
  @fromEnv('HOLDFAST_POSTGRES_URL')
  @IsServerUrl('postgres', 'postgresql')
  postgresUrl: string = 'postgres://holdfast@127.0.0.1:5432/holdfast';

  /** The same server, as a user that may create roles and databases. When given, owner and database are made when missing. */
  @fromEnv('HOLDFAST_POSTGRES_ADMIN_URL')
  @IsOptional()
  @IsServerUrl('postgres', 'postgresql')
  adminUrl?: string;

  /** Password of the hold-service's role. When given together with the admin's address, the role is made or updated. */
  @fromEnv('HOLDFAST_POSTGRES_HOLD_PASSWORD')
  @IsOptional()
  @Matches(PASSWORD)
  holdPassword?: string;

  /** The same for the payment-service. */
  @fromEnv('HOLDFAST_POSTGRES_PAYMENT_PASSWORD')
  @IsOptional()
  @Matches(PASSWORD)
  paymentPassword?: string;

  /** The same for the expiry-worker. */
  @fromEnv('HOLDFAST_POSTGRES_EXPIRY_PASSWORD')
  @IsOptional()
  @Matches(PASSWORD)
  expiryPassword?: string;

  /** The same for the webhook-service. */
  @fromEnv('HOLDFAST_POSTGRES_WEBHOOK_PASSWORD')
  @IsOptional()
  @Matches(PASSWORD)
  webhookPassword?: string;
}
