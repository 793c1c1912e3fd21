/** The seat's life as a person would tell it: plain objects, one clock in seconds, no concurrency. */
export interface ModelSettings {
  holdSeconds: number;
  holdSecondsMax: number;
  extensionsMax: number;
  seatsPerHoldMax: number;
  seatsPerBuyerMax: number;
  payGraceSeconds: number;
}

interface ModelHold {
  buyer: string;
  /** Absent where a late payment took the hold. */
  key?: string;
  body?: string;
  seats: string[];
  counted: number;
  state: 'held' | 'booked' | 'released' | 'expired' | 'unbooked';
  version: number;
  heldAt: number;
  deadline: number;
  extensions: number;
  graceUsed: boolean;
  attempt?: number;
}

interface ModelFence {
  state: 'begun' | 'booked' | 'refused' | 'unbooked';
  hold: number;
  /** The version begun under; 0 where it never began. */
  version: number;
  reason?: string;
  lateHold?: number;
  lateReason?: string;
}

export class ModelSale {
  now = 0;
  readonly seats = new Map<string, { state: string; hold?: number; version: number }>();
  readonly holds: ModelHold[] = [];
  readonly fences = new Map<number, ModelFence>();
  private readonly unbookings = new Map<string, { hold: number; seats: string[] }>();

  constructor(
    seatIds: string[],
    private readonly settings: ModelSettings,
  ) {
    for (const seatId of seatIds) this.seats.set(seatId, { state: 'available', version: 0 });
  }

  /** @returns the outcome, and the hold's number where there is one */
  hold(buyer: string, key: string, seatIds: string[]): [outcome: string, hold?: number] {
    const body = seatIds.join();
    const known = this.holds.findIndex((hold) => hold.buyer === buyer && hold.key === key);
    if (known >= 0) return this.holds[known]?.body === body ? ['held again', known] : ['key-reused'];
    const { seatsPerHoldMax, seatsPerBuyerMax } = this.settings;
    if (seatIds.length > seatsPerHoldMax) return ['too-many-seats'];
    if (!seatIds.every((seatId) => this.isFree(seatId))) return ['seats-taken'];
    if (this.holding(buyer) + seatIds.length > seatsPerBuyerMax) return ['buyer-limit'];
    const number = this.holds.length;
    for (const seatId of seatIds) {
      const seat = this.seat(seatId);
      this.change(seatId, 'held', number, seat.state === 'held' ? 2 : 1);
    }
    this.holds.push({
      buyer,
      key,
      body,
      seats: [...seatIds].sort(),
      counted: seatIds.length,
      state: 'held',
      version: 1,
      ...this.newTimes(),
    });
    return ['held', number];
  }

  extend(buyer: string, number: number, seconds: number): string {
    const refused = this.refusal(buyer, number);
    if (refused) return refused;
    const hold = this.at(number);
    const latest = hold.heldAt + this.settings.holdSecondsMax;
    if (hold.attempt !== undefined) return 'payment-in-progress';
    if (hold.extensions >= this.settings.extensionsMax || hold.deadline >= latest) return 'no-extensions-left';
    hold.extensions++;
    this.prolong(number, Math.max(hold.deadline, Math.min(this.now + seconds, latest)));
    return 'extended';
  }

  release(buyer: string, number: number): string {
    if (this.holds[number]?.buyer === buyer && this.holds[number]?.state === 'released') return 'released';
    const refused = this.refusal(buyer, number);
    if (refused) return refused;
    this.end(number, 'released');
    return 'released';
  }

  expire(number: number): string {
    const hold = this.at(number);
    if (hold.state !== 'held') return 'gone';
    if (this.isLive(hold)) return 'not-due';
    this.end(number, 'expired');
    return 'expired';
  }

  beginPayment(buyer: string, number: number, attempt: number): string {
    const fence = this.fences.get(attempt);
    if (this.holds[number]?.buyer !== buyer || (fence && fence.hold !== number)) return 'unknown-hold';
    if (fence?.reason) return fence.reason;
    if (fence) return 'begun';
    const refused = this.refusal(buyer, number);
    if (refused) return refused;
    const hold = this.at(number);
    if (hold.attempt !== undefined) return 'payment-in-progress';
    const latest = this.now + this.settings.payGraceSeconds;
    if (!hold.graceUsed && hold.deadline < latest) {
      hold.graceUsed = true;
      this.prolong(number, latest);
    }
    hold.attempt = attempt;
    this.fences.set(attempt, { state: 'begun', hold: number, version: hold.version });
    return 'begun';
  }

  book(number: number, attempt: number, version: number): string {
    const fence = this.fences.get(attempt);
    if (fence?.reason) return fence.reason;
    if (fence?.state === 'booked') return 'booked';
    if (fence?.state === 'unbooked') return 'unbooked';
    const hold = this.at(number);
    const refuse = (reason: string): string => {
      this.fences.set(attempt, { hold: number, version: 0, ...fence, state: 'refused', reason });
      if (hold.state === 'held' && hold.attempt === attempt) delete hold.attempt;
      return reason;
    };
    if (!fence) return refuse('not-begun');
    if (fence.hold !== number) return refuse('unknown-hold');
    if (hold.state === 'expired' || (hold.state === 'held' && !this.isLive(hold))) return refuse('expired');
    if (hold.state !== 'held' || hold.attempt !== attempt) return refuse('ended');
    if (hold.version !== version) return refuse('stale-version');
    for (const seatId of hold.seats) this.change(seatId, 'booked', number, 1);
    Object.assign(hold, { state: 'booked', version: hold.version + 1 });
    Object.assign(fence, { state: 'booked', version: version + 1 });
    return 'booked';
  }

  /** @returns the outcome, and the number of the hold that the attempt has its seats by */
  lateBook(number: number, attempt: number): [outcome: string, hold?: number] {
    const fence = this.fences.get(attempt);
    if (fence?.lateReason) return [fence.lateReason];
    const hold = this.at(number);
    if (fence?.hold === number && fence.state === 'booked') return ['booked again', fence.lateHold ?? number];
    if (fence?.hold === number && fence.state === 'unbooked') return ['unbooked'];
    const reason = this.lateRefusal(hold, fence?.hold !== undefined && fence.hold !== number, fence?.version ?? 0);
    if (!reason && fence) {
      for (const seatId of hold.seats) this.change(seatId, 'booked', this.holds.length, this.isHeld(seatId) ? 3 : 2);
      Object.assign(fence, { state: 'booked', reason: fence.reason ?? 'expired', lateHold: this.holds.length });
      const { buyer, seats } = hold;
      const counted = seats.length;
      this.holds.push({ buyer, seats, counted, state: 'booked', version: 2, ...this.newTimes(), attempt });
      return ['booked', fence.lateHold];
    }
    if (reason && (!fence || fence.state === 'begun' || fence.state === 'refused')) {
      const known = { hold: number, version: 0, ...fence };
      this.fences.set(attempt, { reason, ...known, state: 'refused', lateReason: reason });
      if (hold.state === 'held' && hold.attempt === attempt) delete hold.attempt;
    }
    return [reason ?? ''];
  }

  private lateRefusal(hold: ModelHold, isOther: boolean, begunUnder: number): string | undefined {
    if (isOther) return 'unknown-hold';
    if (begunUnder === 0) return 'not-begun';
    if (this.isLive(hold)) return 'not-expired';
    if (hold.state !== 'held' && hold.state !== 'expired') return 'ended';
    if (!hold.seats.every((seatId) => this.isFree(seatId))) return 'seats-taken';
    if (this.holding(hold.buyer) + hold.seats.length > this.settings.seatsPerBuyerMax) return 'buyer-limit';
    return undefined;
  }

  endPayment(number: number, attempt: number): string {
    const fence = this.fences.get(attempt);
    if (fence?.state === 'booked' || fence?.state === 'unbooked') return fence.state;
    if (fence?.state === 'refused') return 'ended';
    this.fences.set(attempt, { hold: number, version: 0, ...fence, state: 'refused', reason: 'given-up' });
    const hold = this.at(number);
    if (hold.state === 'held' && hold.attempt === attempt) delete hold.attempt;
    return 'ended';
  }

  /** @param refund the attempt gives all back where it is absent */
  unbook(number: number, attempt: number, refund: number | undefined, seatIds: string[] | undefined): string {
    const hold = this.at(number);
    const id = refund === undefined ? `attempt ${attempt}` : `refund ${refund}`;
    const known = this.unbookings.get(id);
    if (known) {
      const isSame = known.hold === number && (!seatIds || [...seatIds].sort().join() === known.seats.join());
      return isSame ? 'unbooked again' : 'refund-id-used';
    }
    if (hold.attempt !== attempt || !['booked', 'unbooked'].includes(hold.state)) return 'not-booked';
    if (seatIds?.some((seatId) => !hold.seats.includes(seatId))) return 'foreign-seats';
    const mine = hold.seats.filter(
      (seatId) => this.seat(seatId).state === 'booked' && this.seat(seatId).hold === number,
    );
    const named = seatIds ? mine.filter((seatId) => seatIds.includes(seatId)) : mine;
    if (named.length < (seatIds?.length ?? 1)) return 'already-unbooked';
    for (const seatId of named) this.change(seatId, 'available', undefined, 1);
    this.unbookings.set(id, { hold: number, seats: named });
    hold.counted -= named.length;
    hold.version++;
    if (hold.counted > 0) return 'unbooked';
    hold.state = 'unbooked';
    const fence = this.fences.get(attempt);
    if (fence) fence.state = 'unbooked';
    return 'unbooked';
  }

  private refusal(buyer: string, number: number): string | undefined {
    const hold = this.holds[number];
    if (hold?.buyer !== buyer) return 'unknown-hold';
    if (hold.state === 'expired' || (hold.state === 'held' && !this.isLive(hold))) return 'expired';
    return hold.state === 'held' ? undefined : 'ended';
  }

  private holding(buyer: string): number {
    return this.holds
      .filter((hold) => hold.buyer === buyer && (hold.state === 'booked' || this.isLive(hold)))
      .reduce((sum, hold) => sum + hold.counted, 0);
  }

  private newTimes(): Pick<ModelHold, 'heldAt' | 'deadline' | 'extensions' | 'graceUsed'> {
    return { heldAt: this.now, deadline: this.now + this.settings.holdSeconds, extensions: 0, graceUsed: false };
  }

  private isHeld(seatId: string): boolean {
    return this.seat(seatId).state === 'held';
  }

  private isLive(hold: ModelHold): boolean {
    return hold.state === 'held' && hold.deadline > this.now;
  }

  private isFree(seatId: string): boolean {
    const { state, hold } = this.seat(seatId);
    return state === 'available' || (state === 'held' && hold !== undefined && !this.isLive(this.at(hold)));
  }

  private prolong(number: number, deadline: number): void {
    const hold = this.at(number);
    Object.assign(hold, { deadline, version: hold.version + 1 });
    for (const seatId of hold.seats) this.change(seatId, 'held', number, 1);
  }

  private end(number: number, state: 'released' | 'expired'): void {
    const hold = this.at(number);
    Object.assign(hold, { state, version: hold.version + 1, counted: 0 });
    const mine = hold.seats.filter((seatId) => this.seat(seatId).hold === number);
    for (const seatId of mine) this.change(seatId, 'available', undefined, 1);
  }

  private change(seatId: string, state: string, hold: number | undefined, by: number): void {
    this.seats.set(seatId, { state, hold, version: this.seat(seatId).version + by });
  }

  private seat(seatId: string): { state: string; hold?: number; version: number } {
    const seat = this.seats.get(seatId);
    if (!seat) throw new Error(`no seat ${seatId}`);
    return seat;
  }

  private at(number: number): ModelHold {
    const hold = this.holds[number];
    if (!hold) throw new Error(`no hold ${number}`);
    return hold;
  }
}
