import type { Database } from '@holdfast/postgres';
import type { Stage } from '../stage';
import { DrillEvent, type Held, type LatePolicy } from './drill-event';
import { Ends } from './ends';
import type { Hands } from './lives';
import { refund } from './payment-app';
import type { Deed } from './scenarios';

/** Everything the parts of the drill share: the stage, events of their own, and a view of how payments end. */
export interface Theatre {
  stage: Stage;
  db: Database;
  events: Record<LatePolicy, DrillEvent>;
  ends: Ends;
}

export async function openTheatre(stage: Stage, db: Database, seats: number): Promise<Theatre> {
  const events = {
    void: await DrillEvent.create(stage, db, seats, 'void'),
    'same-seats-if-free': await DrillEvent.create(stage, db, seats, 'same-seats-if-free'),
  };
  return { stage, db, events, ends: new Ends(db, eventIdsOf({ events })) };
}

export function eventIdsOf({ events }: Pick<Theatre, 'events'>): string[] {
  return Object.values(events).map(({ eventId }) => eventId);
}

/** Where deeds are done within this process. */
export function placeOf({ db, stage, events }: Theatre): DeedPlace {
  const byId = new Map(Object.values(events).map((event) => [event.eventId, event]));
  const eventOf = ({ eventId }: Held) => {
    const event = byId.get(eventId);
    if (!event) throw new Error(`No event ${eventId}`);
    return event;
  };
  return { db, stage, eventOf };
}

/** A part of the service died on purpose. */
export class Crash extends Error {}

/** Within one process: whoever drives the attempt dies by an exception, and the completer may take it up at once. */
export function handsOf(place: DeedPlace): Hands {
  return {
    happen: (deed, held, attemptId) => doDeed(place, deed, held, attemptId),
    afterCrash: (held) => makeDue(place.db, held),
    die: () => Promise.reject(new Crash()),
  };
}

/** What a deed needs; a process of its own has no more than this. */
export interface DeedPlace {
  db: Database;
  stage: Pick<Stage, 'provider' | 'paymentPort' | 'jwtSecret'>;
  eventOf(held: Held): DrillEvent;
}

async function doDeed(place: DeedPlace, deed: Deed, held: Held, attemptId: string): Promise<void> {
  const event = place.eventOf(held);
  switch (deed) {
    case 'run-out':
      return event.runOut(held);
    case 'expire':
      await event.runOut(held);
      return event.expire(held);
    case 'take-over':
      await event.runOut(held);
      return event.takeOver(held);
    case 'authenticate':
      return authenticate(place, attemptId, 'succeeded');
    case 'fail-authentication':
      return authenticate(place, attemptId, 'failed');
    case 'refund':
      return void (await refund(place.stage, held, attemptId));
    case 'refund-one-seat':
      return void (await refund(place.stage, held, attemptId, held.seatIds.slice(0, 1)));
    case 'unbook-elsewhere':
      return event.unbook(held, attemptId);
  }
}

/** Whoever worked on the hold's attempts and refunds is gone: their lease is over. */
export async function makeDue(db: Database, held: Held): Promise<void> {
  await moveLease(db, held, '0 seconds');
}

/** Nobody shall take the hold's attempts and refunds up before they are made due. */
export async function park(db: Database, held: Held): Promise<void> {
  await moveLease(db, held, '1 day');
}

async function moveLease(db: Database, { eventId, holdId }: Held, fromNow: string): Promise<void> {
  await db.query(
    `WITH attempt AS (
       UPDATE payments.attempts SET next_at = clock_timestamp() + $3::interval
        WHERE event_id = $1 AND hold_id = $2 AND ended_at IS NULL)
     UPDATE payments.refunds r SET next_at = clock_timestamp() + $3::interval
       FROM payments.attempts a
      WHERE a.event_id = $1 AND a.hold_id = $2 AND r.event_id = $1 AND r.attempt_id = a.attempt_id AND r.ended_at IS NULL`,
    [eventId, holdId, fromNow],
  );
}

/** The payer's answer to 3-D Secure, given to the page that the intent names. */
async function authenticate({ stage, db }: DeedPlace, attemptId: string, outcome: string): Promise<void> {
  const [attempt] = await db.query<{ intentId: string }>(
    `SELECT intent_id AS "intentId" FROM payments.attempts WHERE attempt_id = $1`,
    [attemptId],
  );
  const page = `${stage.provider.url}/sandbox/payment_intents/${attempt?.intentId}/authenticate`;
  const response = await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome }) });
  if (!response.ok) throw new Error(`3-D Secure answered ${response.status}`);
}
