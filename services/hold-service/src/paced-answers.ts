import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

/**
 * Sends answers of megabytes in parts, one part of one answer in a turn of the event loop, however many are read: a socket
 * that takes all it is given would otherwise get the whole of it in one turn, and holds would wait for that.
 */
export class PacedAnswers {
  private lastTurn: Promise<unknown> = Promise.resolve();

  /**
   * What to answer with. The next part is asked for when the reader has taken the ones before, all but two; when the reader
   * goes away, `parts` is closed.
   */
  stream(parts: Iterable<Buffer> | AsyncIterable<Buffer>): Readable {
    return Readable.from(this.paced(parts));
  }

  private async *paced(parts: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const part of parts) {
      await (this.lastTurn = this.lastTurn.then(() => setImmediate()));
      yield part;
    }
  }
}
