import { ack, FaultFilter, retry, type Delivery, type Outcome } from '@holdfast/broker';
import { SeatsFreed } from '@holdfast/contracts';
import { Guard } from '@holdfast/guard';
import { Controller, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';

/** While Redis is away its keys run out; after about a minute there is little left to heal. */
const ATTEMPTS_MAX = 5;

/** The guard learns from the ledger what became free, so that an update lost on the way heals. */
@Controller()
@UseFilters(FaultFilter)
export class GuardHealingController {
  constructor(private readonly guard: Guard) {}

  @EventPattern(SeatsFreed.messageName)
  async heal(@Payload() { eventId, entries }: SeatsFreed, @Ctx() { attempt }: Delivery): Promise<Outcome> {
    if (await this.guard.applyLedger(eventId, entries)) return ack;
    return attempt < ATTEMPTS_MAX ? retry('Redis is away') : ack;
  }
}
