import { createInterface } from 'node:readline';
import { openDatabase } from '@holdfast/postgres';
import type { Stage } from '../stage';
import { DrillEvent, type Held } from './drill-event';
import { Lives } from './lives';
import { startPaymentApp, type PaymentSettings } from './payment-app';
import type { Combination } from './scenarios';
import { handsOf, park } from './theatre';

/*
 * payment-service as a process of its own that kills itself, without any farewell, when a payment comes to its point. It
 * has loaded everything when it is told on standard input what to do, so that the next one loads while this one runs.
 */

/** One line on standard input. */
export interface CrashOrder {
  stage: Pick<Stage, 'postgresUrl' | 'provider' | 'paymentPort' | 'jwtSecret'>;
  settings: PaymentSettings;
  combination: Combination;
  held: Held;
}

export const LISTENING = 'listening';

async function main(): Promise<void> {
  const [line] = await firstLine();
  if (!line) return;
  const { stage, settings, combination, held } = JSON.parse(line) as CrashOrder;
  const db = openDatabase({ url: stage.postgresUrl, applicationName: 'drills-crashing', connectionsMax: 2 });
  const event = DrillEvent.existing(db, held.eventId);
  const hands = handsOf({ stage, db, eventOf: () => event });
  const lives = new Lives({
    ...hands,
    // Whoever continues it is not started yet, and no other process of the drill shall.
    afterCrash: () => park(db, held),
    die: () => {
      process.kill(process.pid, 'SIGKILL');
      return new Promise<never>(() => undefined);
    },
  });
  lives.begin(combination, held);
  await startPaymentApp(settings, lives.onCrashPoint);
  process.stdout.write(`${LISTENING}\n`);
}

function firstLine(): Promise<string[]> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin });
    lines.once('line', (line) => resolve([line]));
    lines.once('close', () => resolve([]));
  });
}

main().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
