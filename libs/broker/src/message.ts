import type { ErrorObject } from 'ajv';
import type { Command, ReplyOf } from './contract';
import { messageCheck } from './message-schema';

export type Parsed<T> = { ok: true; message: T } | { ok: false; reason: string };

/**
 * Reads and validates a message body. Unknown fields are tolerated, so that a newer sender may add some; a wrong type or
 * a missing field is not.
 */
export function parseMessage<T extends object>(Class: new () => T, body: Buffer): Parsed<T> {
  const json = readJson(body);
  return json.ok ? validate(Class, json.message) : json;
}

/** Reads the reply to a command: its `outcome` names the class. */
export function parseReply<C extends Command>(command: C, body: Buffer): Parsed<ReplyOf<C>> {
  const json = readJson(body);
  if (!json.ok) return json;
  const outcome = 'outcome' in json.message ? json.message.outcome : undefined;
  if (typeof outcome !== 'string' || !Object.hasOwn(command.replies, outcome)) {
    return { ok: false, reason: 'outcome: not one of this command' };
  }
  return validate(command.replies[outcome] as new () => ReplyOf<C>, json.message);
}

/** A message body as it is sent: JSON in UTF-8. */
export function encode(message: object): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function readJson(body: Buffer): Parsed<object> {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'));
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return { ok: true, message: json };
    return { ok: false, reason: 'body is not a JSON object' };
  } catch {
    return { ok: false, reason: 'body is not JSON' };
  }
}

function validate<T extends object>(Class: new () => T, message: object): Parsed<T> {
  const check = messageCheck(Class);
  if (check(message)) return { ok: true, message };
  return { ok: false, reason: (check.errors ?? []).map(describe).join('; ') };
}

/** As in `entries.2.at: must pass "isIso8601" keyword validation`. */
function describe({ instancePath, message }: ErrorObject): string {
  return [instancePath.slice(1).replaceAll('/', '.'), message].filter(Boolean).join(': ');
}
