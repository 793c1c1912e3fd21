export { paymentService } from './payment-service';
export type { PaymentServiceHooks } from './saga';
export { PaymentConfig } from './payment-config';
export { paymentMigrations } from './migrations';
export { crashAt, CRASH_POINTS, type CrashPlace, type CrashPoint, type OnCrashPoint } from './crash-points';
export { listBreaks, resolveBreak, type Break } from './breaks';
export { moneyBalances, unbalancedEvents, type Balance } from './money';
