import { targetFromEnv } from './target';

/** For the spec files: the system they talk to. */
export const system = targetFromEnv(process.env);

if (!system.url) {
  throw new Error('The end-to-end cases need a running system: npm run e2e -- --url http://..., or npm test');
}
