import type { Database } from '@holdfast/postgres';
import type { Stage } from '../stage';
import { AttemptEnds } from './attempt-ends';
import { DrillEvent, type Held } from './drill-event';
import type { Hands } from './lives';
import { happen } from './scenarios';

/** Everything the parts of the drill share: the stage, an event of their own, and the hands that move things on it. */
export interface Theatre {
  stage: Stage;
  db: Database;
  event: DrillEvent;
  ends: AttemptEnds;
}

export async function openTheatre(stage: Stage, db: Database, seats: number): Promise<Theatre> {
  const event = await DrillEvent.create(stage, db, seats);
  return { stage, db, event, ends: new AttemptEnds(db, event.eventId) };
}

/** A part of the service died on purpose. */
export class Crash extends Error {}

/** Within one process: whoever drives the attempt dies by an exception, and the completer may take it up at once. */
export function handsOf(theatre: Pick<Theatre, 'db' | 'event'> & { stage: Pick<Stage, 'provider'> }): Hands {
  return {
    happen: (what, held) => happen(what, held, theatre.event, (hold, outcome) => authenticate(theatre, hold, outcome)),
    afterCrash: (held) => makeDue(theatre.db, held),
    die: () => Promise.reject(new Crash()),
  };
}

/** Whoever worked on the hold's attempts is gone: their lease is over. */
export async function makeDue(db: Database, { eventId, holdId }: Held): Promise<void> {
  await setNext(db, { eventId, holdId }, 'clock_timestamp()');
}

/** Nobody shall take the hold's attempts up before they are made due. */
export async function park(db: Database, { eventId, holdId }: Held): Promise<void> {
  await setNext(db, { eventId, holdId }, "clock_timestamp() + interval '1 day'");
}

async function setNext(db: Database, { eventId, holdId }: Pick<Held, 'eventId' | 'holdId'>, at: string): Promise<void> {
  for (const table of ['attempts', 'refunds']) {
    await db.query(
      `UPDATE payments.${table} SET next_at = ${at} WHERE event_id = $1 AND hold_id = $2 AND ended_at IS NULL`,
      [eventId, holdId],
    );
  }
}

/** The payer's answer to 3-D Secure, given to the page that the intent names. */
async function authenticate(
  { stage, db }: { stage: Pick<Stage, 'provider'>; db: Database },
  { eventId, holdId }: Held,
  outcome: string,
): Promise<void> {
  const [attempt] = await db.query<{ intentId: string }>(
    `SELECT intent_id AS "intentId" FROM payments.attempts WHERE event_id = $1 AND hold_id = $2 AND ended_at IS NULL`,
    [eventId, holdId],
  );
  if (!attempt) throw new Error(`Hold ${holdId} has no attempt that waits for its payer`);
  const page = `${stage.provider.url}/sandbox/payment_intents/${attempt.intentId}/authenticate`;
  const response = await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome }) });
  if (!response.ok) throw new Error(`3-D Secure answered ${response.status}`);
}
