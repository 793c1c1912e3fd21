import { Resolver } from 'node:dns/promises';

/** Lost packets are asked for again after this; it doubles. */
const QUERY_MS = 1_500;
const TRIES = 3;
/** This machine, whatever a name server says (RFC 6761). */
const LOOPBACK_NAME = /^(.+\.)?localhost\.?$/;
const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1'];

/**
 * All addresses of a name, none where it leads nowhere. Once `signal` is aborted it answers at once with what it has learnt
 * by then.
 */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<string[]>;

/**
 * Asks name servers by itself, with c-ares. The system's resolver (`dns.lookup`) takes one of libuv's four threads until it
 * is answered and cannot be given up: four names whose servers are silent would stop the look-ups of everybody else.
 * Unlike it, this one reads no hosts file.
 *
 * @param servers instead of the system's, as `address:port`
 */
export function dnsResolve(servers?: string[]): Resolve {
  return async (hostname, signal) => {
    if (LOOPBACK_NAME.test(hostname)) return LOOPBACK_ADDRESSES;
    // One a look-up: to give up is for all queries of a resolver.
    const resolver = new Resolver({ timeout: QUERY_MS, tries: TRIES });
    if (servers) resolver.setServers(servers);
    const giveUp = () => resolver.cancel();
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      const families = [resolver.resolve4(hostname), resolver.resolve6(hostname)];
      const answers = await Promise.allSettled(families);
      return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  };
}
