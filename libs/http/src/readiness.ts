import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Resolves when the part answers, rejects when it does not. */
export type ReadinessCheck = () => Promise<unknown>;

/** What must answer for the service to be ready. Modules add the servers they cannot work without. */
@Injectable()
export class Readiness implements OnModuleDestroy {
  readonly checks = new Map<string, ReadinessCheck>();
  private stopping = false;

  constructor() {
    this.add('running', () => (this.stopping ? Promise.reject(new Error('stopping')) : Promise.resolve()));
  }

  /** Makes the service ready only while this part answers; a check of the same name is replaced. */
  add(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }

  /** A stopping service is not ready, so that nobody sends it more. */
  onModuleDestroy(): void {
    this.stopping = true;
  }
}
