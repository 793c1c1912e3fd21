import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CALLS, CRASH_POINTS, hasEnded, nextState, TRANSITIONS, type Event, type State } from './attempt-lifecycle';
import { REFUND_CALLS, REFUND_TRANSITIONS } from './refund-lifecycle';

const wholePage = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'payment-states.md'), 'utf8');
const [page = '', refundPage = ''] = wholePage.split("## A refund's states");
const transitionsDrawnOn = (text: string) =>
  [...text.matchAll(/^ {2}(\w+) --> (\w+): ([\w-]+)$/gm)].map(([, from, to, event]) =>
    [from, event, to].map((name) => name?.replaceAll('_', '-')).join(' '),
  );
const callsNamedOn = (text: string): Record<string, string[] | undefined> =>
  Object.fromEntries<string[] | undefined>(
    [...text.matchAll(/^\| `([\w-]+)` +\|[^|]*\|([^|]*)\|/gm)].map(([, state = '', calls]) => [
      state,
      calls
        ?.split(',')
        .map((call) => call.trim())
        .filter(Boolean),
    ]),
  );
const states = Object.keys(CALLS) as State[];
const events = [...new Set(TRANSITIONS.map(([, event]) => event))];

describe('docs/payment-states.md', () => {
  it('draws exactly the transitions of the code', () => {
    expect(transitionsDrawnOn(page).sort()).toEqual(TRANSITIONS.map((row) => row.join(' ')).sort());
    expect(transitionsDrawnOn(refundPage).sort()).toEqual(REFUND_TRANSITIONS.map((row) => row.join(' ')).sort());
  });

  it('names the calls of every state', () => {
    expect(callsNamedOn(page)).toEqual(CALLS);
    expect(callsNamedOn(refundPage)).toEqual(REFUND_CALLS);
  });
});

describe('the transition table', () => {
  it.each(states.flatMap((state) => events.map((event) => [state, event] as [State, Event])))(
    '%s on %s leads to at most one state, and an end is left by nothing',
    (state, event) => {
      const targets = TRANSITIONS.filter(([from, on]) => from === state && on === event).map(([, , to]) => to);
      expect(targets.length).toBeLessThanOrEqual(hasEnded(state) ? 0 : 1);
      expect(nextState(state, event)).toBe(targets[0]);
    },
  );

  it('leads from every state to an end', () => {
    const ending = new Set<State>(states.filter(hasEnded));
    for (let grown = true; grown;) {
      const before = ending.size;
      for (const [from, , to] of TRANSITIONS) if (ending.has(to)) ending.add(from);
      grown = ending.size > before;
    }
    expect(states.filter((state) => !ending.has(state))).toEqual([]);
  });

  it('reaches every state from the first', () => {
    const reached = new Set<State>(['started']);
    for (const [from, , to] of [...TRANSITIONS, ...TRANSITIONS, ...TRANSITIONS]) if (reached.has(from)) reached.add(to);
    expect(states.filter((state) => !reached.has(state))).toEqual([]);
  });

  it('charges only after the fence, and gives the seats up only when nothing can be charged', () => {
    const into = (state: State) => TRANSITIONS.filter(([, , to]) => to === state).map(([from]) => from);
    expect(new Set(into('captured'))).toEqual(new Set(['charged', 'booked', 'uncapturable']));
    expect(into('booked').filter((from) => from !== 'booked')).toEqual(['authorised', 'late']);
    expect(CALLS.uncapturable).toEqual(['cancel-intent', 'unbook']);
  });
});

describe('crash points', () => {
  it('stand around every call and after every move, each once', () => {
    const calls = states.flatMap((state) => CALLS[state]);
    expect(new Set(CRASH_POINTS).size).toBe(CRASH_POINTS.length);
    expect(CRASH_POINTS).toHaveLength(2 * calls.length + states.length);
  });
});
