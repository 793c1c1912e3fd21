import fs, { mkdtemp, open, readdir, readFile, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { ID_BYTES, readId } from './id-bytes';
import { Journal } from './journal';
import { JournalDamaged, readJournal } from './journal-reader';

const JOURNAL_ID = newId();
const EVENTS = [newId(), newId()];
/** Small, so that a few dozen timers fill several. */
const SEGMENT_BYTES = 400;
/** What the handle of a closed file has for a descriptor. */
const CLOSED_FD = -1;

interface Armed {
  eventId: string;
  deadline: number;
  holdId: string;
}

/** What a journal holds: the timers armed and not done, by their number. */
function listener() {
  const timers = new Map<number, Armed>();
  return {
    timers,
    armed(eventId: string, deadline: number, ids: Buffer, offset: number, count: number, first: number) {
      for (let nth = 0; nth < count; nth++) {
        timers.set(first + nth, { eventId, deadline, holdId: readId(ids, offset + nth * ID_BYTES) });
      }
    },
    done: (number: number) => void timers.delete(number),
  };
}

async function timersIn(folder: string): Promise<Map<number, Armed>> {
  const heard = listener();
  await readJournal(folder, heard);
  return heard.timers;
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-journal-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function lastFile(folder: string): Promise<string> {
  return join(folder, (await readdir(folder)).sort().at(-1) ?? '');
}

const holdIds = (count: number) => Array.from({ length: count }, () => newId());

describe('the journal of a shard', () => {
  it('has every timer and every end again after it was closed or its process died, in as many segments as it takes', async () => {
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          do: fc.constant('arm' as const),
          event: fc.nat(1),
          deadline: fc.nat(),
          holds: fc.integer({ min: 1, max: 6 }),
        }),
      },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('done' as const), nth: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('flush' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reopen' as const, 'die' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), (steps) =>
        inFolder(async (folder) => {
          let journal = await Journal.create(folder, JOURNAL_ID, SEGMENT_BYTES);
          const model = new Map<number, Armed>();
          for (const each of steps) {
            if (each.do === 'arm') {
              const [eventId = '', ids] = [EVENTS[each.event], holdIds(each.holds)];
              const first = journal.armed(eventId, each.deadline, ids);
              ids.forEach((holdId, nth) => model.set(first + nth, { eventId, deadline: each.deadline, holdId }));
            } else if (each.do === 'done') {
              const number = [...model.keys()][each.nth];
              if (number === undefined) continue;
              journal.done(number);
              model.delete(number);
            } else if (each.do === 'flush') {
              await journal.flush();
              expect(await timersIn(folder)).toEqual(model);
            } else {
              const left = journal;
              if (each.do === 'reopen') await journal.close();
              else await journal.flush();
              const heard = listener();
              journal = (await Journal.open(folder, heard, SEGMENT_BYTES)) ?? journal;
              expect(heard.timers).toEqual(model);
              expect(journal.id).toBe(JOURNAL_ID);
              if (each.do === 'die') await left.close();
            }
          }
          await journal.close();
          expect(await timersIn(folder)).toEqual(model);
        }),
      ),
      { numRuns: 60 },
    );
  });

  it('lets go of its oldest segments', () =>
    inFolder(async (folder) => {
      const journal = await Journal.create(folder, JOURNAL_ID, SEGMENT_BYTES);
      for (let round = 0; round < 12; round++) {
        journal.armed(EVENTS[0] ?? '', round, holdIds(10));
        await journal.flush();
      }
      const [bytes, oldestEnd] = [journal.bytes, journal.oldestEnd ?? 0];
      await journal.dropOldest();
      expect(journal.bytes).toBeLessThan(bytes);
      journal.armed(EVENTS[0] ?? '', 99, holdIds(1));
      await journal.close();
      expect([...(await timersIn(folder)).keys()]).toEqual(
        Array.from({ length: 121 - (oldestEnd - 1) }, (_, nth) => oldestEnd + nth),
      );
    }));

  it('is not there where nobody made one', () =>
    inFolder(async (folder) => {
      expect(await Journal.open(join(folder, 'none'), listener())).toBeUndefined();
      expect(await Journal.open(folder, listener())).toBeUndefined();
    }));

  it('drops a record that was cut off, keeps all before it, and goes on', () =>
    inFolder(async (folder) => {
      const journal = await Journal.create(folder, JOURNAL_ID);
      journal.armed(EVENTS[0] ?? '', 1, holdIds(3));
      await journal.flush();
      journal.armed(EVENTS[0] ?? '', 2, holdIds(3));
      await journal.close();
      const file = await lastFile(folder);
      await truncate(file, (await readFile(file)).length - 20);

      const again = await Journal.open(folder, listener());
      again?.armed(EVENTS[1] ?? '', 3, holdIds(1));
      await again?.close();
      const timers = [...(await timersIn(folder)).values()];
      expect(timers.map(({ deadline }) => deadline)).toEqual([1, 1, 1, 3]);
    }));

  it('refuses when a record in the middle was changed, and names the command that mends it', () =>
    inFolder(async (folder) => {
      const journal = await Journal.create(folder, JOURNAL_ID);
      for (let round = 0; round < 3; round++) {
        journal.armed(EVENTS[0] ?? '', round, holdIds(3));
        await journal.flush();
      }
      await journal.close();
      const file = await lastFile(folder);
      const bytes = await readFile(file);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      await writeFile(file, bytes);

      const refusal = await Journal.open(folder, listener()).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(JournalDamaged);
      expect(String(refusal)).toContain('00000001.journal, at byte 36, where record 1 should be');
      expect(String(refusal)).toContain('npm run -s timer-journal -- rebuild');
    }));

  it('refuses when a segment in the middle is missing', () =>
    inFolder(async (folder) => {
      const journal = await Journal.create(folder, JOURNAL_ID, SEGMENT_BYTES);
      for (let round = 0; round < 12; round++) {
        journal.armed(EVENTS[0] ?? '', round, holdIds(10));
        await journal.flush();
      }
      await journal.close();
      const files = (await readdir(folder)).sort();
      expect(files.length).toBeGreaterThanOrEqual(3);
      await rm(join(folder, files[1] ?? ''));
      await expect(timersIn(folder)).rejects.toThrow(JournalDamaged);
    }));

  it.each(['write', 'sync', 'datasync'] as const)('leaves no file open where the disk fails: %s', (call) =>
    inFolder(async (folder) => {
      await (await Journal.create(join(folder, 'present'), JOURNAL_ID)).close();
      const probe = await open(join(folder, 'probe'), 'w');
      const handles = Object.getPrototypeOf(probe) as FileHandle;
      const fault = jest.spyOn(handles, call).mockRejectedValue(new Error('No space left on device'));
      await probe.close();
      const opening = jest.spyOn(fs, 'open');

      const opened = [
        await Journal.create(join(folder, 'new'), JOURNAL_ID).catch(String),
        await Journal.open(join(folder, 'present'), listener()).catch(String),
      ];
      fault.mockRestore();
      expect(opened).toContain('Error: No space left on device');
      for (const journal of opened) if (journal instanceof Journal) await journal.close();
      const handed = await Promise.all(opening.mock.results.map(({ value }) => value as Promise<FileHandle>));
      opening.mockRestore();
      expect(handed.map(({ fd }) => fd)).toEqual(handed.map(() => CLOSED_FD));
      expect(handed.length).toBeGreaterThanOrEqual(2);
    }),
  );

  it('survives any cut and any changed byte: a part of what it held, or a plain refusal, never a timer of nobody', async () => {
    const damage = fc.record({
      file: fc.nat(),
      at: fc.nat(),
      do: fc.oneof(
        fc.constant('cut' as const),
        fc.record({ xor: fc.integer({ min: 1, max: 255 }) }),
        fc.record({ zeros: fc.integer({ min: 1, max: 64 }) }),
        fc.record({ append: fc.uint8Array({ minLength: 1, maxLength: 64 }) }),
      ),
    });
    await inFolder(async (folder) => {
      const journal = await Journal.create(folder, JOURNAL_ID, SEGMENT_BYTES);
      for (let round = 0; round < 10; round++) {
        const first = journal.armed(EVENTS[round % 2] ?? '', round, holdIds(1 + (round % 5)));
        if (round % 3 === 2) journal.done(first);
        await journal.flush();
      }
      await journal.close();
      const files = (await readdir(folder)).sort();
      const originals = await Promise.all(files.map((file) => readFile(join(folder, file))));
      const everArmed = listener();
      await readJournal(folder, { ...everArmed, done: () => undefined });
      const outcomes = { refused: 0, recovered: 0 };

      await fc.assert(
        fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 3 }), async (damages) => {
          const copies = originals.map((bytes) => Buffer.from(bytes));
          for (const { file, at, do: how } of damages) {
            const nth = file % copies.length;
            const bytes = copies[nth] ?? Buffer.alloc(0);
            const offset = bytes.length === 0 ? 0 : at % bytes.length;
            if (how === 'cut') copies[nth] = bytes.subarray(0, offset);
            else if ('append' in how) copies[nth] = Buffer.concat([bytes, how.append]);
            else if ('zeros' in how) bytes.fill(0, offset, Math.min(offset + how.zeros, bytes.length));
            else if (bytes.length > 0) bytes[offset] = (bytes[offset] ?? 0) ^ how.xor;
          }
          await Promise.all(files.map((file, nth) => writeFile(join(folder, file), copies[nth] ?? '')));
          try {
            for (const [number, timer] of await timersIn(folder)) expect(everArmed.timers.get(number)).toEqual(timer);
            outcomes.recovered++;
          } catch (error) {
            if (!(error instanceof JournalDamaged)) throw error;
            outcomes.refused++;
          }
        }),
        { numRuns: 1_000 },
      );
      expect(outcomes.refused).toBeGreaterThan(0);
      expect(outcomes.recovered).toBeGreaterThan(0);
    });
  });
});
