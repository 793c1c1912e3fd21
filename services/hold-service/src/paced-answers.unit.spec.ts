import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PacedAnswers } from './paced-answers';

const PARTS = 20;
/** More than any answer under test takes. */
const MANY_TURNS = 5 * PARTS;

describe('answers that are sent in parts', () => {
  let answers: PacedAnswers;
  let asked: number;
  let isClosed: boolean;

  beforeEach(() => {
    answers = new PacedAnswers();
    asked = 0;
    isClosed = false;
  });

  function* parts(): Generator<Buffer> {
    try {
      for (let nth = 0; nth < PARTS; nth++) {
        asked++;
        yield Buffer.from([nth]);
      }
    } finally {
      isClosed = true;
    }
  }

  const turnsPass = async () => {
    for (let turn = 0; turn < MANY_TURNS; turn++) await nextTurn();
  };

  it('gives one part a turn, however many read, and each reader all of its own', async () => {
    const partsOfTurn: number[] = [0];
    let isOver = false;
    const countTurns = () => {
      if (partsOfTurn.push(0) < MANY_TURNS && !isOver) setImmediate(countTurns);
    };
    setImmediate(countTurns);
    const read = async (answer: Readable) => {
      const taken: Buffer[] = [];
      answer.on('data', (part: Buffer) => {
        taken.push(part);
        partsOfTurn[partsOfTurn.length - 1]!++;
      });
      await once(answer, 'end');
      return Buffer.concat(taken);
    };
    const all = await Promise.all([parts(), parts(), parts()].map((own) => read(answers.stream(own))));
    isOver = true;
    expect(Math.max(...partsOfTurn)).toBe(1);
    expect(all).toEqual(Array(3).fill(Buffer.from(Array.from({ length: PARTS }, (_, nth) => nth))));
  });

  it('asks for no more than a slow reader takes', async () => {
    const answer = answers.stream(parts());
    answer.pipe(new Writable({ highWaterMark: 1, write: () => undefined }));
    await turnsPass();
    expect(asked).toBeLessThanOrEqual(3);
    answer.destroy();
  });

  it('closes what it reads from when the reader goes away, and waits for nobody who has gone', async () => {
    const [gone, stays] = [answers.stream(parts()), answers.stream(parts())];
    gone.once('data', () => gone.destroy());
    await once(gone, 'close');
    await turnsPass();
    expect({ asked, isClosed }).toEqual({ asked: expect.any(Number) as number, isClosed: true });
    expect(asked).toBeLessThanOrEqual(3);
    expect(Buffer.concat((await stays.toArray()) as Buffer[])).toHaveLength(PARTS);
  });
});
