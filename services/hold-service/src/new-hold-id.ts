import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const RANDOM_BYTES = 16;
/** The system is asked for the random bytes of so many ids at once: for each by itself it took a twentieth of a hold. */
const IDS_IN_STOCK = 256;

const stock = Buffer.alloc(RANDOM_BYTES * IDS_IN_STOCK);
let used = stock.length;

/** A UUIDv7 for a new hold: never used again, and close to the ids made before it. */
export function newHoldId(): string {
  return v7({ rng: takeRandom });
}

function takeRandom(): Uint8Array {
  if (used === stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  used += RANDOM_BYTES;
  return stock.subarray(used - RANDOM_BYTES, used);
}
