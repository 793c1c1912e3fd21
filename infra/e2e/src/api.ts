import { randomUUID } from 'node:crypto';
import { system } from './system-under-test';

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

export interface Call {
  token?: string;
  /** The Idempotency-Key: a new one on every POST unless given; `null` sends none. */
  key?: string | null;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

const ANSWER_TIMEOUT_MS = 60_000;

/** One request through the gateway. Any status is an answer. */
export async function request<T = Record<string, unknown>>(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  { token, key = method === 'POST' ? randomUUID() : null, body, headers }: Call = {},
): Promise<Answer<T>> {
  const response = await fetch(new URL(path, system.url), {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key !== null && { 'idempotency-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
}

/** Fails unless the answer is a problem of that code, complete as RFC 9457 and our own contract want it. */
export function expectProblem(answer: Answer<unknown>, status: number, code: string, members: object = {}): void {
  expect({ status: answer.status, body: answer.body }).toMatchObject({
    status,
    body: { type: `https://holdfast.dev/problems/${code}`, status, code, ...members },
  });
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(typeof (answer.body as { title?: unknown }).title).toBe('string');
}

/** What `validation-failed` says when the fault is there; it may say more than one thing about it. */
export function faultAt(path: string): object {
  return { errors: expect.arrayContaining([expect.objectContaining({ path })]) as unknown };
}
