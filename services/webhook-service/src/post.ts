import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { Address, Destination } from './destination';

/** What a receiver says beyond its status is of no interest; more than this is cut off. */
const ANSWER_BYTES_MAX = 16 * 1024;

export type PostOutcome =
  | { outcome: 'answered'; status: number; retryAfter: string | undefined }
  | { outcome: 'timed-out' }
  /** `code` is Node's: ECONNREFUSED, CERT_HAS_EXPIRED, ... */
  | { outcome: 'unreachable'; code: string };

/**
 * Posts a body to a checked destination: over a connection of its own, to the addresses that were checked and no other,
 * without following redirects. The name still goes into the TLS handshake and the Host header.
 *
 * @param withinMs from the beginning to the head of the answer
 */
export function post(
  { url, addresses }: Destination,
  headers: Record<string, string>,
  body: string,
  withinMs: number,
): Promise<PostOutcome> {
  const signal = AbortSignal.timeout(withinMs);
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const posting = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      lookup: leadsOnlyTo(addresses),
      agent: false,
      signal,
    });
    posting.once('response', (response) => {
      cutOff(response);
      resolve(answerOf(response));
    });
    // 101, which nobody asked for. Without a listener Node closes the connection and tells neither of an answer nor of an error.
    posting.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve(answerOf(response));
    });
    posting.on('error', (error: NodeJS.ErrnoException) =>
      resolve(signal.aborted ? { outcome: 'timed-out' } : { outcome: 'unreachable', code: codeOf(error) }),
    );
    posting.end(body);
  });
}

function answerOf({ statusCode = 0, headers }: IncomingMessage): PostOutcome {
  return { outcome: 'answered', status: statusCode, retryAfter: headers['retry-after'] };
}

/** In place of the resolver: the name was resolved when it was checked. */
function leadsOnlyTo(addresses: Address[]): LookupFunction {
  return (_hostname, { all }, answer) => {
    const [first] = addresses;
    if (all || !first) answer(null, addresses);
    else answer(null, first.address, first.family);
  };
}

/** Reads the answer to its end, so that a receiver may finish it, but not for ever. */
function cutOff(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) response.destroy();
  });
  response.on('error', () => undefined);
}

/** Several addresses that all failed come as one error around theirs. */
function codeOf(error: NodeJS.ErrnoException): string {
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.code ?? (inner as NodeJS.ErrnoException | undefined)?.code ?? error.name;
}
