import { Injectable, type PipeTransform } from '@nestjs/common';
import { problem } from '@holdfast/http';
import { plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';

/**
 * Checks a body against its class and refuses what the class does not name. Elsewhere such members are dropped; where
 * money moves, a client that sends an amount must not believe that it counts.
 */
@Injectable()
export class StrictBody<T extends object> implements PipeTransform<unknown, Promise<T>> {
  constructor(private readonly Shape: new () => T) {}

  async transform(body: unknown): Promise<T> {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw problem('validation-failed', { errors: [{ path: '', message: 'the body must be a JSON object' }] });
    }
    const read = plainToInstance(this.Shape, body);
    const faults = await validate(read, {
      whitelist: true,
      forbidNonWhitelisted: true,
      validationError: { value: false },
    });
    if (faults.length > 0) {
      const errors = faults.flatMap(({ property: path, constraints }) =>
        Object.values(constraints ?? {}).map((message) => ({ path, message })),
      );
      throw problem('validation-failed', { errors });
    }
    return read;
  }
}
