import { checked, problem } from '@holdfast/http';
import type { PipeTransform } from '@nestjs/common';

/**
 * Checks a body against its class and refuses what the class does not name. Elsewhere such members are dropped; where
 * money moves, a client that sends an amount must not believe that it counts.
 */
export class StrictBody<T extends object> implements PipeTransform<unknown, T> {
  constructor(private readonly Shape: new () => T) {}

  /** @throws Problem `validation-failed` */
  transform(body: unknown): T {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw problem('validation-failed', { errors: [{ path: '', message: 'the body must be a JSON object' }] });
    }
    return checked(this.Shape, body, { forbidUnknown: true });
  }
}
