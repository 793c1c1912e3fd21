import type { Shop } from './shop';

/** As old as a page in a browser gets between two looks. */
const FRESH_MS = 500;

/** The seats as the buyers see them: one look shared by all, half a second old at most, so already a little wrong. */
export class SeatView {
  private states = '';
  private seenAt = Number.NEGATIVE_INFINITY;
  private looking?: Promise<void>;
  private readonly ordinals: Map<string, number>;

  constructor(
    private readonly shop: Shop,
    private readonly eventId: string,
    seatIds: string[],
  ) {
    this.ordinals = new Map(seatIds.map((seatId, ordinal) => [seatId, ordinal]));
  }

  async look(): Promise<void> {
    if (performance.now() - this.seenAt < FRESH_MS) return;
    this.looking ??= this.shop
      .seats(this.eventId)
      .then(({ status, body }) => {
        if (status === 200) this.states = body.states;
        this.seenAt = performance.now();
      })
      .finally(() => (this.looking = undefined));
    await this.looking;
  }

  /** Arrow, to be handed on: whether the seat was free at the last look; before the first, every seat is. */
  readonly isFree = (seatId: string): boolean => (this.states[this.ordinals.get(seatId) ?? -1] ?? 'A') === 'A';
}
