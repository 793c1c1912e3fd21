export { startSandbox, type Sandbox } from './server';
export { SandboxConfig } from './sandbox-config';
export type { Books, Charge, Intent, Refund, Totals } from './books';
