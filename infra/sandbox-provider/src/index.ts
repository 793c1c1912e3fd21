export { startSandbox, type Sandbox } from './server';
export { SandboxConfig } from './sandbox-config';
export { CALL_FAULTS, CARDS, STEPS, WEBHOOK_FAULTS } from './payment-methods';
export type { Books, Charge, Intent, Refund, Totals } from './books';
