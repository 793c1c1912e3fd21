import { randomBytes } from 'node:crypto';

/** A key prefix of its own for one spec file, so that files may share one Redis. */
export function testRedisPrefix(): string {
  return `test:${randomBytes(6).toString('hex')}:`;
}
