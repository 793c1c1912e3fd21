/** SQS takes ten entries a request, and so many bytes of bodies in all. */
const ENTRIES_MAX = 10;
const BYTES_MAX = 256 * 1_024;

interface Waiting<T> {
  entry: T;
  bytes: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Entries of one request by position, and of those that were refused the reason. */
type SendBatch<T> = (entries: T[]) => Promise<Map<number, string>>;

/** Puts what is asked in the same turn of the event loop into as few requests as SQS allows. */
export class Batches<T> {
  private waiting: Waiting<T>[] = [];

  constructor(private readonly send: SendBatch<T>) {}

  /** @returns when SQS has taken this entry; rejects when it was refused, or when that is not certain */
  add(entry: T, bytes = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setImmediate(() => this.flush());
      this.waiting.push({ entry, bytes, resolve, reject });
    });
  }

  private flush(): void {
    const waiting = this.waiting;
    this.waiting = [];
    let batch: Waiting<T>[] = [];
    let bytes = 0;
    for (const next of waiting) {
      if (batch.length >= ENTRIES_MAX || (batch.length > 0 && bytes + next.bytes > BYTES_MAX)) {
        void this.request(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(next);
      bytes += next.bytes;
    }
    void this.request(batch);
  }

  private async request(batch: Waiting<T>[]): Promise<void> {
    try {
      const refused = await this.send(batch.map(({ entry }) => entry));
      batch.forEach(({ resolve, reject }, position) => {
        const reason = refused.get(position);
        if (reason === undefined) resolve();
        else reject(new Error(`Amazon SQS refused it: ${reason}`));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
