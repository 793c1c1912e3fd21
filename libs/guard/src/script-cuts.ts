/** Redis runs one script at a time: what is for more seats is cut, so that none holds the others up for long. */
const SEATS_PER_SCRIPT_MAX = 500;

/**
 * What is asked together, in its order, cut into runs of no more seats than one script may have. An ask for more, which
 * no hold is, stands alone.
 *
 * @param seatsOf how many seats an ask is for
 */
export function cut<Ask>(asks: Ask[], seatsOf: (ask: Ask) => number): Ask[][] {
  const runs: Ask[][] = [];
  let run: Ask[] | undefined;
  let seats = 0;
  for (const ask of asks) {
    const more = seatsOf(ask);
    if (!run || seats + more > SEATS_PER_SCRIPT_MAX) {
      runs.push((run = []));
      seats = 0;
    }
    run.push(ask);
    seats += more;
  }
  return runs;
}

export function seatCount({ seatIds }: { seatIds: string[] }): number {
  return seatIds.length;
}

export function oneSeat(): number {
  return 1;
}
