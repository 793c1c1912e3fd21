import fc from 'fast-check';
import { v4 as anyId } from 'uuid';
import { ID_BYTES, readId, writeId } from './id-bytes';
import { TimerTable } from './timer-table';

function bytesOf(...ids: string[]): Buffer {
  const bytes = Buffer.alloc(ids.length * ID_BYTES);
  ids.forEach((id, index) => writeId(id, bytes, index * ID_BYTES));
  return bytes;
}

describe('ids as bytes', () => {
  it('come back as they went in, and what is no id is refused', () => {
    const [id, other] = [anyId(), anyId()];
    expect(readId(bytesOf(id, other), ID_BYTES)).toBe(other);
    expect(readId(bytesOf(id.toUpperCase()), 0)).toBe(id);
    for (const text of ['', 'seat-1', id.slice(1)]) expect(() => bytesOf(text)).toThrow('not a UUID');
  });
});

describe('the table of timers', () => {
  it('keeps what it was given, whatever comes and goes beside it', () => {
    const events = [anyId(), anyId(), anyId()];
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), event: fc.nat(2), deadline: fc.nat() }),
      fc.record({ do: fc.constant('remove' as const), nth: fc.nat(30) }),
      fc.record({ do: fc.constant('extend' as const), nth: fc.nat(30), deadline: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const table = new TimerTable();
        const model = new Map<number, { eventId: string; holdId: string; deadline: number; number: number }>();
        let number = 0;
        for (const each of steps) {
          const entry = each.do === 'add' ? undefined : [...model.keys()][each.nth];
          if (each.do === 'add') {
            const timer = {
              eventId: events[each.event] ?? '',
              holdId: anyId(),
              deadline: each.deadline,
              number: ++number,
            };
            model.set(table.add(timer.eventId, bytesOf(timer.holdId), 0, timer.deadline, timer.number), timer);
          } else if (entry !== undefined && each.do === 'remove') {
            table.remove(entry);
            model.delete(entry);
            expect(table.number(entry)).toBe(0);
          } else if (entry !== undefined && each.do === 'extend') {
            table.extend(entry, each.deadline);
            Object.assign(model.get(entry) ?? {}, { deadline: each.deadline });
          }
        }
        expect(table.size).toBe(model.size);
        for (const [entry, timer] of model) {
          expect({
            eventId: table.eventId(entry),
            holdId: table.holdId(entry),
            deadline: table.deadline(entry),
            number: table.number(entry),
          }).toEqual(timer);
        }
      }),
    );
  });

  it('uses the room of what has gone', () => {
    const table = new TimerTable();
    const ids = bytesOf(anyId());
    for (let round = 0; round < 5_000; round++) table.remove(table.add(anyId(), ids, 0, 0, 1));
    expect(table.end).toBe(1);
  });

  it('counts looks at one deadline, and begins anew at another', () => {
    const table = new TimerTable();
    const entry = table.add(anyId(), bytesOf(anyId()), 0, 1, 1);
    expect([table.looked(entry), table.looked(entry)]).toEqual([1, 2]);
    table.extend(entry, 2);
    expect(table.looked(entry)).toBe(1);
  });
});
