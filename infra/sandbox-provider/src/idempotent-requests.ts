import { createHash } from 'node:crypto';
import type { Books, StoredAnswer } from './books';
import type { Form } from './form';
import { Refusal } from './stripe-error';

/** What was asked, so that a key is not used for two different things. */
export function fingerprintOf(path: string, form: Form): string {
  const fields = Object.entries(form).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([path, fields]))
    .digest('hex');
}

/**
 * Stripe's `Idempotency-Key`: the first answer to a key is stored, whatever it was, and given again. A 500 is stored too:
 * repeating it under the same key never gets through. Refused before it began (bad request, key in use): not stored.
 */
export class IdempotentRequests {
  private readonly running = new Set<string>();

  constructor(private readonly books: Books) {}

  /**
   * @returns the stored answer, or undefined when the request shall run; then `end` must be called
   * @throws Refusal 409 while the first request with this key runs, 400 when it asked for something else
   */
  begin(key: string | undefined, fingerprint: string): StoredAnswer | undefined {
    if (!key) return undefined;
    const stored = this.books.answers.get(key);
    if (stored && stored.fingerprint !== fingerprint) {
      throw new Refusal(400, {
        type: 'idempotency_error',
        message: 'Keys for idempotent requests can only be used with the same parameters they were first used with.',
      });
    }
    if (stored) return stored;
    if (this.running.has(key)) {
      throw new Refusal(409, {
        type: 'idempotency_error',
        code: 'idempotency_key_in_use',
        message: 'There is currently another in-progress request using this Idempotency-Key.',
      });
    }
    this.running.add(key);
    return undefined;
  }

  /** The answer to keep under the key, to be written with the change: both or neither. Undefined without a key. */
  answerTo(key: string | undefined, fingerprint: string, status: number, body: unknown): StoredAnswer | undefined {
    return key ? { key, fingerprint, status, body, storedAtMs: Date.now() } : undefined;
  }

  end(key: string | undefined): void {
    if (key) this.running.delete(key);
  }
}
