import 'reflect-metadata';
import { parseMessage } from '@holdfast/broker';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { MESSAGES } from './catalogue';
import { SeatsChanged } from './seats-changed';

type Class = new () => object;
type Path = (string | number)[];

/** What a field may hold by mistake or by malice: any JSON, and values on either side of the rules. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 1 }),
  fc.string({ unit: 'binary', maxLength: 3 }),
  fc.integer(),
  fc.uuid(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  ...[0, 1, 199, 200, 201, 500, 501].map((length) => fc.constant('x'.repeat(length))),
  fc.constantFrom<unknown>(
    ...['00000000-0000-0000-0000-000000000000', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF', '01936f2e'],
    ...['2026-11-23', '2026-11-23T20:00:00', '2026-11-23 20:00:00Z', '2026-02-29T20:00:00Z', '2026-W48', '20261123'],
    ...['EUR', 'eur', 'held', 'expired', 'system', 'void', 'begun', 'booked'],
    ...[
      '\u{1F3AB}'.repeat(200),
      '\u{1F3AB}'.repeat(201),
      '\uFE0F',
      'x\uFE0F'.repeat(200),
      '\u0000',
      '\uD800',
      '\u0085',
    ],
    ...[0, 1, -1, 1.5, 2_147_483_647, 2_147_483_648, 1e300, true, false, null, undefined],
  ),
);

/** Every place in a message: its fields, and those of what it lists. */
function pathsOf(value: unknown): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const step = Array.isArray(value) ? Number(key) : key;
    return [[step], ...pathsOf(member).map((path) => [step, ...path])];
  });
}

/** A copy with another value at one place; `undefined` leaves the field out. */
function replaced(message: object, path: Path, value: unknown): object {
  const copy = structuredClone(message) as Record<string | number, unknown>;
  const parent = path.slice(0, -1).reduce((at, step) => at[step] as typeof copy, copy);
  parent[path.at(-1) ?? ''] = value;
  return copy;
}

function encode(message: object): Buffer {
  return Buffer.from(JSON.stringify(message));
}

function acceptedByClass(Class: Class, message: object): boolean {
  const arrived = JSON.parse(encode(message).toString()) as object;
  return validateSync(plainToInstance(Class, arrived), { forbidUnknownValues: true }).length === 0;
}

const CONTRACTS = MESSAGES.flatMap((message): [string, Class, object][] => [
  [message.messageName, message, message.example],
  ...Object.entries(message.replies ?? {}).map(([outcome, Reply]): [string, Class, object] => {
    const example = message.replyExamples?.find((reply) => 'outcome' in reply && reply.outcome === outcome) ?? {};
    return [`${message.messageName}, ${outcome}`, Reply, example];
  }),
]);

/** Readers use the compiled check; what it means is said by the decorators of the class. */
describe.each(CONTRACTS)('the compiled check of %s', (_name, Class, example) => {
  it('accepts and refuses what class-validator does', () => {
    const changes = [fc.constantFrom(...pathsOf(example)), anything] as const;
    fc.assert(
      fc.property(...changes, (path, value) => {
        // Lists of lists are looked at below: class-validator finds nothing to check in them.
        fc.pre(!(Array.isArray(value) && typeof path.at(-1) === 'number'));
        const message = replaced(example, path, value);
        expect(parseMessage(Class, encode(message)).ok).toBe(acceptedByClass(Class, message));
      }),
      { numRuns: 1_000 },
    );
  });
});

it('refuses a list in the place of a listed object, where class-validator would let an empty one pass', () => {
  const message = { ...SeatsChanged.example, entries: [[]] };
  expect(parseMessage(SeatsChanged, encode(message))).toEqual({ ok: false, reason: 'entries.0: must be object' });
});
