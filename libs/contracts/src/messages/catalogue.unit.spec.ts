import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { MESSAGES, type MessageClass } from './catalogue';

/** As a reader gets it: through JSON, then into the class. */
function faults(Class: new () => object, message: object): string[] {
  const arrived = JSON.parse(JSON.stringify(message)) as object;
  return validateSync(plainToInstance(Class, arrived), { forbidUnknownValues: true }).map(({ property }) => property);
}

/** A value of a type that no field of ours has. */
const WRONG = { not: 'this' };

describe.each(MESSAGES.map((message): [string, MessageClass] => [message.messageName, message]))(
  '%s',
  (_name, message) => {
    const replies = Object.entries(message.replies ?? {});

    it('accepts its own example, also with fields it does not know', () => {
      expect(faults(message, message.example)).toEqual([]);
      expect(faults(message, { ...message.example, addedLater: 1 })).toEqual([]);
    });

    it.each(Object.keys(message.example))('refuses a wrong type or a null in %s', (field) => {
      expect(faults(message, { ...message.example, [field]: WRONG })).toEqual([field]);
      expect(faults(message, { ...message.example, [field]: null })).toEqual([field]);
    });

    it('has an example of every reply, which accepts itself and no other type in any field', () => {
      expect((message.replyExamples ?? []).map((reply) => 'outcome' in reply && reply.outcome).sort()).toEqual(
        replies.map(([outcome]) => outcome).sort(),
      );
      for (const [outcome, Reply] of replies) {
        const example = message.replyExamples?.find((reply) => 'outcome' in reply && reply.outcome === outcome) ?? {};
        expect(faults(Reply, example)).toEqual([]);
        for (const field of Object.keys(example))
          expect(faults(Reply, { ...example, [field]: WRONG })).toEqual([field]);
      }
    });

    it('names its version and is bound by a key that its routing key matches', () => {
      expect(message.messageName).toMatch(/^[a-z]+(-[a-z]+)*\.v\d+$/);
      expect(message.bindingKey.startsWith(message.messageName)).toBe(true);
    });
  },
);

describe('entries of seats-changed.v1', () => {
  const [SeatsChanged] = MESSAGES;
  const example = SeatsChanged?.example as { eventId: string; entries: Record<string, unknown>[] };

  it.each(Object.keys(example.entries[0] ?? {}))('refuse a wrong or missing %s', (field) => {
    const [entry = {}] = example.entries;
    for (const value of [WRONG, undefined]) {
      const entries = [{ ...entry, [field]: value }];
      expect(faults(SeatsChanged as MessageClass, { ...example, entries })).toEqual(['entries']);
    }
  });

  it('are between 1 and 500', () => {
    const [entry] = example.entries;
    expect(faults(SeatsChanged as MessageClass, { ...example, entries: [] })).toEqual(['entries']);
    expect(faults(SeatsChanged as MessageClass, { ...example, entries: Array(501).fill(entry) })).toEqual(['entries']);
    expect(faults(SeatsChanged as MessageClass, { ...example, entries: Array(500).fill(entry) })).toEqual([]);
  });
});
