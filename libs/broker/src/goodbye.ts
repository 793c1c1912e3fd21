import { once, type EventEmitter } from 'node:events';

interface Closable extends EventEmitter {
  close(): Promise<void>;
}

/**
 * Closes a channel or a connection, and resolves when it is closed, also when it was before. The driver's promise alone is
 * not enough: it resolves by the broker's answer only, and so never when the connection is lost on the way. The `close`
 * event comes either way.
 */
export async function sayGoodbye(closable: Closable): Promise<void> {
  await Promise.race([once(closable, 'close'), closable.close()]).catch(() => undefined);
}
