import { problem } from './problems';

/** How many bytes of bodies may be in hand. */
export interface BytesInHandBounds {
  /** Of everybody together. */
  max: number;
  /** Of one caller: less than that, so that nobody can keep all others out. */
  perCallerMax: number;
}

/** Counts the bytes of bodies that are being received, wait or are worked on. */
export class BytesInHand {
  private total = 0;
  private readonly byCaller = new Map<string, number>();

  constructor(private readonly bounds: BytesInHandBounds) {}

  /**
   * @returns lets go of them; to be called once
   * @throws Problem `overloaded` beyond a bound
   */
  take(callerId: string, bytes: number): () => void {
    const { max, perCallerMax } = this.bounds;
    if (this.total + bytes > max || this.of(callerId) + bytes > perCallerMax) throw problem('overloaded');
    this.add(callerId, bytes);
    return () => this.add(callerId, -bytes);
  }

  private of(callerId: string): number {
    return this.byCaller.get(callerId) ?? 0;
  }

  private add(callerId: string, bytes: number): void {
    this.total += bytes;
    const own = this.of(callerId) + bytes;
    if (own === 0) this.byCaller.delete(callerId);
    else this.byCaller.set(callerId, own);
  }
}
