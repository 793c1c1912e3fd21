import { eventually, type TestDatabase } from '@holdfast/testing';
import type { Caller } from './service-under-test';

const BUYERS_AT_ONCE = 12;
const SEATS = Array.from({ length: 12 }, (_, nth) => `St-A-${nth + 1}`);

/**
 * Buyers who click on the same seats through several instances, and give back most of what they get, until told to stop.
 * An instance may die under them: a click without an answer is asked again under its key by nobody, as in life.
 */
export class Rush {
  private stopping = false;
  private readonly buyers: Promise<void>[];
  answered = 0;

  constructor(
    private readonly callers: Caller[],
    private readonly path: string,
  ) {
    this.buyers = Array.from({ length: BUYERS_AT_ONCE }, (_, nth) =>
      this.click(callers[nth % callers.length] as Caller, nth),
    );
  }

  /** Resolves when the buyers have had this many answers more. */
  async goesOn(answers = 100): Promise<void> {
    const wanted = this.answered + answers;
    await eventually(() => this.answered >= wanted);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.buyers);
  }

  private async click(caller: Caller, nth: number): Promise<void> {
    for (let clicks = nth; !this.stopping; clicks++) {
      const seats = [SEATS[(clicks * 5) % SEATS.length], SEATS[(clicks * 5 + 1) % SEATS.length]];
      try {
        const { status, headers } = await caller('POST', this.path, { body: { seats } });
        this.answered++;
        if (status === 201 && clicks % 3 !== 0) await caller('DELETE', String(headers.location));
      } catch {
        // The instance is away; this buyer tries again.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}

/** Ends every hold as its deadline would, by the release of its buyer, and sells every seat through every instance. */
export async function sellEverySeatAgain(callers: Caller[], path: string): Promise<void> {
  for (const caller of callers) {
    const { body } = await caller('GET', path);
    for (const { holdId, state } of body.holds as { holdId: string; state: string }[]) {
      if (state === 'held') await caller('DELETE', `${path}/${holdId}`);
    }
  }
  for (const caller of callers) {
    await Promise.all(
      SEATS.map(async (seatId) => {
        let location = '';
        await eventually(async () => {
          const answer = await caller('POST', path, { body: { seats: [seatId] } });
          location = String(answer.headers.location);
          return answer.status === 201;
        });
        await eventually(async () => (await caller('DELETE', location)).status === 200);
      }),
    );
  }
}

/** Seats whose ledger shows a hold before the one before it had ended. */
export async function doubleBooked({ database }: TestDatabase, path: string): Promise<string[]> {
  const rows = await database.query<{ seat_id: string }>(
    `SELECT seat_id FROM (
       SELECT seat_id, kind, lag(kind) OVER (PARTITION BY seat_id ORDER BY seat_version) AS before
         FROM inventory.ledger WHERE event_id = $1) l
      WHERE kind = 'held' AND before = 'held'`,
    [path.split('/')[3]],
  );
  return rows.map((row) => row.seat_id);
}
