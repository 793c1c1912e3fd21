import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeProgram } from './node.mjs';
import { repository } from './paths.mjs';
import { runStreaming } from './run-command.mjs';

export const SAMPLE_SEATS = 50_000;

/** The same key makes the same event: a start that was interrupted here finds its event the next time. */
const KEY = 'sample-event';
const CURRENCY = 'EUR';
const PRICE_STEP_MINOR = 1_500;
const PRICE_FIRST_MINOR = 12_000;
const PRICE_LAST_MINOR = 2_500;

/**
 * The sample event's id: the one known from before when the system still has it, otherwise a new one through the
 * public HTTP interface, as any organiser would make it.
 *
 * @param {{url: string, token: string, folder: string, known?: string}} options
 */
export async function ensureSampleEvent({ url, token, folder, known }) {
  if (known) {
    const found = await fetch(`${url}/v1/events/${known}`);
    await found.arrayBuffer();
    if (found.ok) return known;
  }
  const file = join(folder, 'sample-plan.json');
  const program = join(repository, 'infra', 'plan', 'dist', 'index.js');
  const made = await runStreaming(nodeProgram(), [program, '--seats', String(SAMPLE_SEATS), '--out', file]);
  if (!made.ok) throw new Error(`The sample plan could not be made:\n${made.tail}`);
  return createEvent(url, token, JSON.parse(readFileSync(file, 'utf8')));
}

async function createEvent(url, token, plan) {
  const answer = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': KEY },
    body: JSON.stringify({ name: 'Sample evening', currency: CURRENCY, plan, prices: pricesOf(plan.categories) }),
  }).catch((error) => {
    throw new Error(`Nothing answers at ${url}: ${error.cause?.message ?? error.message}`);
  });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`The sample event was refused with status ${answer.status}: ${body}`);
  return JSON.parse(body).eventId;
}

/** Dearest first, as the plan lists them. */
function pricesOf(categories) {
  const price = (index) => Math.max(PRICE_FIRST_MINOR - index * PRICE_STEP_MINOR, PRICE_LAST_MINOR);
  return Object.fromEntries(categories.map(({ name }, index) => [name, price(index)]));
}
