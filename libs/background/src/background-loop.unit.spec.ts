import { eventually } from '@holdfast/testing';
import { BackgroundLoop } from './background-loop';

const FOREVER_MS = 60_000;
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function recorder() {
  const lines: string[] = [];
  const write = (line: unknown) => void lines.push(String(line));
  return { lines, log: write, warn: write, error: write };
}

/** A loop whose passes answer from a list, and then pause for good. */
function loopOver(...answers: (number | Error)[]) {
  const logger = recorder();
  const state = { passes: 0 };
  const pass = () => {
    state.passes++;
    const answer = answers.shift() ?? FOREVER_MS;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { loop: new BackgroundLoop('test', pass, logger), state, logger };
}

describe('a background loop', () => {
  it('goes on at once while a pass asks for no pause, and when it is woken', async () => {
    const { loop, state } = loopOver(0, 0, FOREVER_MS);
    loop.start();
    await nextTurn();
    expect(state.passes).toBe(3);
    loop.wake();
    await nextTurn();
    expect(state.passes).toBe(4);
    await loop.stop();
  });

  it('skips the pause when it was woken during the pass', async () => {
    let passes = 0;
    const loop: BackgroundLoop = new BackgroundLoop(
      'test',
      () => {
        if (++passes === 1) loop.wake();
        return Promise.resolve(FOREVER_MS);
      },
      recorder(),
    );
    loop.start();
    await nextTurn();
    expect(passes).toBe(2);
    await loop.stop();
  });

  it('tries a failed pass again after a pause that no hint can end, and logs the change only', async () => {
    const { loop, state, logger } = loopOver(new Error('away'), new Error('away'));
    loop.start();
    await nextTurn();
    loop.wake();
    await nextTurn();
    expect(state.passes).toBe(1);
    await eventually(() => state.passes >= 3);
    await nextTurn();
    expect(logger.lines).toEqual(['test: failed, trying again: Error: away', 'test: works again']);
    await loop.stop();
  });

  it('ends during a pause when stopped', async () => {
    const { loop, state } = loopOver();
    loop.start();
    await nextTurn();
    await loop.stop();
    expect(state.passes).toBe(1);
  });
});
