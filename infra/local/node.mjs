import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './paths.mjs';

const PINNED = join(repository, 'node_modules', '.bin', 'node');

/**
 * The Node that services, tests and benches run on: the one that package.json pins, where there is one for this machine;
 * else the one this script runs on. Ask after the packages are installed, for a fresh clone's first command has only
 * the latter. See docs/decisions/030-pinned-node.md.
 */
export const nodeProgram = () => (existsSync(PINNED) ? PINNED : process.execPath);
