import { LRUCache } from 'lru-cache';

export interface PacedLooksOptions {
  /** From the end of a look to the next one at the same thing. */
  pauseMs: number;
  /** Things remembered at most; the one looked at longest ago is forgotten first. */
  keysMax: number;
}

/** Looks at things elsewhere: one at a time at each, and what was seen, or that it failed, stands for a while. */
export class PacedLooks<T> {
  private readonly looks: LRUCache<string, Promise<T>>;

  constructor(private readonly options: PacedLooksOptions) {
    this.looks = new LRUCache({ max: options.keysMax });
  }

  /** What was last seen under a key, or what `look` sees now. */
  async at(key: string, look: () => Promise<T>): Promise<T> {
    const last = this.looks.get(key);
    if (last) return last;
    const looking = look();
    this.looks.set(key, looking);
    const pause = () => void this.looks.set(key, looking, { ttl: this.options.pauseMs });
    void looking.then(pause, pause);
    return looking;
  }
}
