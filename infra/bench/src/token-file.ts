import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchSystem } from './bench-system';

/** Tokens of that many buyers. */
export function buyerTokens(system: BenchSystem, count: number): string[] {
  return Array.from({ length: count }, (_, nth) => system.token(`buyer-${nth}`, ['buyer']));
}

/** A file with one token a line, for load generators. */
export function writeTokenFile(system: BenchSystem, tokens: string[]): string {
  const folder = join(system.folder, 'load');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `tokens-${tokens.length}.txt`);
  writeFileSync(file, `${tokens.join('\n')}\n`);
  return file;
}
