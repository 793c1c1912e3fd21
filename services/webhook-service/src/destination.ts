import ipaddr from 'ipaddr.js';
import { dnsResolve, type Resolve } from './name-look-up';

const HTTPS_PORT = 443;
/** A name that takes longer leads nowhere: most of a receiver's time is for its answer. */
const NAME_MS_MAX = 5_000;
/** Below it live mail, remote shells, directories: nothing that takes a webhook. */
const UNPRIVILEGED_PORT_MIN = 1_024;
/** Of all IPv6 addresses only these are routed in public today. */
const PUBLIC_IPV6 = ipaddr.parseCIDR('2000::/3');
/** A public address by its number, but inside Azure it answers every machine with the platform's own data. */
const AZURE_PLATFORM = ipaddr.parse('168.63.129.16');

/** A place to post to: where its name led when it was checked. */
export interface Destination {
  url: URL;
  /** Connect to these, in this order, and nowhere else. */
  addresses: Address[];
}

export interface Address {
  address: string;
  family: 4 | 6;
}

export type DestinationOutcome =
  | { outcome: 'allowed'; destination: Destination }
  /** For good: `reason` completes "url ...". */
  | { outcome: 'not-allowed'; reason: string }
  /** For now: its name leads nowhere. */
  | { outcome: 'unresolved'; reason: string };

/** Whether a value is a CIDR range, for example `10.0.0.0/8` or `fd00::/8`. */
export function isNetwork(value: unknown): boolean {
  return typeof value === 'string' && ipaddr.isValidCIDR(value);
}

/**
 * Decides where deliveries may go. The organiser writes the address and this machine connects to it, so it must not
 * reach what only this machine can reach (server-side request forgery): every address a name leads to must be public, and
 * the caller connects to what was checked, so that a name that leads elsewhere a moment later gains nothing.
 */
export class Destinations {
  private readonly allowedNetworks: [ipaddr.IPv4 | ipaddr.IPv6, number][];

  /**
   * @param allowedNetworks CIDR ranges that are allowed besides, with any port and by plain http
   * @param resolve looks names up
   */
  constructor(
    allowedNetworks: string[],
    private readonly resolve: Resolve = dnsResolve(),
  ) {
    this.allowedNetworks = allowedNetworks.map((network) => ipaddr.parseCIDR(network));
  }

  /**
   * Checks an address as it is now: at registration, and again before every delivery.
   *
   * @param withinMs how long looking up its name may take; never longer than 5 s
   */
  async check(text: string, withinMs: number): Promise<DestinationOutcome> {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    const fault = url ? faultOf(url) : 'must be an absolute address';
    if (!url || fault) return { outcome: 'not-allowed', reason: fault ?? '' };

    const found = await this.addressesOf(url.hostname, withinMs);
    if (found.length === 0) return { outcome: 'unresolved', reason: 'must have a name that leads to an address' };
    const inAllowed = found.every((address) => this.isInAllowedNetwork(address));
    if (!inAllowed) {
      if (!found.every((address) => isPublic(address) || this.isInAllowedNetwork(address)))
        return { outcome: 'not-allowed', reason: 'must lead to public addresses only' };
      if (url.protocol !== 'https:') return { outcome: 'not-allowed', reason: 'must begin with https://' };
      const port = Number(url.port || HTTPS_PORT);
      if (port !== HTTPS_PORT && port < UNPRIVILEGED_PORT_MIN)
        return {
          outcome: 'not-allowed',
          reason: `must have port ${HTTPS_PORT} or one from ${UNPRIVILEGED_PORT_MIN} up`,
        };
    }
    return { outcome: 'allowed', destination: { url, addresses: found.map(toAddress) } };
  }

  private async addressesOf(hostname: string, withinMs: number): Promise<(ipaddr.IPv4 | ipaddr.IPv6)[]> {
    const literal = hostname.replace(/^\[(.*)\]$/, '$1');
    // `process` tells an IPv4 address that is written as IPv6 (::ffff:10.0.0.1) for what it is.
    if (ipaddr.isValid(literal)) return [ipaddr.process(literal)];
    const names = await this.resolve(hostname, AbortSignal.timeout(Math.min(withinMs, NAME_MS_MAX)));
    return names.map((name) => ipaddr.process(name));
  }

  private isInAllowedNetwork(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
    return this.allowedNetworks.some(([network, bits]) => isIn(address, network, bits));
  }
}

/** What is wrong with an address by its text alone. */
function faultOf(url: URL): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://';
  if (url.username || url.password) return 'must not carry credentials';
  if (url.hash) return 'must not have a fragment';
  return undefined;
}

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  // `unicast` is what is in none of the ranges set apart: private, loopback, link-local, shared (CGNAT), multicast,
  // documentation, benchmarks, and the IPv6 ranges that carry an IPv4 address inside.
  if (address.range() !== 'unicast' || isIn(address, AZURE_PLATFORM, 32)) return false;
  return address.kind() === 'ipv4' || isIn(address, ...PUBLIC_IPV6);
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, network: ipaddr.IPv4 | ipaddr.IPv6, bits: number): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}

function toAddress(address: ipaddr.IPv4 | ipaddr.IPv6): Address {
  return { address: address.toString(), family: address.kind() === 'ipv4' ? 4 : 6 };
}
