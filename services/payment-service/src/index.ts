export { paymentService } from './payment-service';
export { PaymentConfig } from './payment-config';
export { paymentMigrations } from './migrations';
