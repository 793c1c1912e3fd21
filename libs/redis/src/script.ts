import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisClient } from './open-redis';
import { RedisUnavailable } from './unavailable';

/** A Lua script and the hash Redis knows it by. */
export interface Script {
  lua: string;
  sha: string;
}

/** Reads a script from its file, once at start. */
export function loadScript(file: string): Script {
  const lua = readFileSync(file, 'utf8');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * Runs a script by its hash, and sends its text only when Redis does not know it (first use, restart, SCRIPT FLUSH).
 * Not ioredis's own custom commands: with a number of keys that varies, auto-pipelining on a cluster would take that
 * number for the first key and send the script to the wrong node.
 *
 * @param keys all under one hash tag
 * @throws RedisUnavailable at once while there is no connection
 */
export async function runScript(
  client: RedisClient,
  script: Script,
  keys: string[],
  args: (string | number)[],
): Promise<unknown> {
  // A cluster client that is not ready would wait for it, offline queue or not.
  if (client.status !== 'ready') throw new RedisUnavailable(`connection is ${client.status}`);
  try {
    return await client.evalsha(script.sha, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return client.eval(script.lua, keys.length, ...keys, ...args);
  }
}
