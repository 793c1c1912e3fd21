/** What the crowd itself can tell. Who has which seat, and who paid for it, is read from the books instead. */
export class Tally {
  /** Buyers that got a hold. */
  served = 0;
  /** Holds refused with 409. */
  refused = 0;
  /** Buyers that left without paying or releasing. */
  abandoned = 0;
  /** Buyers that never got a hold. */
  wentHome = 0;
  /** Buyers that are done. */
  done = 0;
  readonly unexpectedAnswers = new Map<string, number>();

  unexpected(what: string): void {
    this.unexpectedAnswers.set(what, (this.unexpectedAnswers.get(what) ?? 0) + 1);
  }
}
