import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isRoot } from './accounts.mjs';

const FALLBACK_PARENT = '/var/tmp';
const OTHERS_MAY_ENTER = 0o001;

/**
 * Where the private servers of a system keep their data: inside its folder where a server's own user can get there,
 * otherwise in a named folder under /var/tmp.
 *
 * @param {string} folder absolute
 * @returns {{path: string, reason?: string}} `reason` says why it is not inside the folder
 */
export function serverDataFolder(folder) {
  const reason = whyNotInside(folder, { root: isRoot(), modeOf: (path) => statSync(path).mode });
  if (!reason) return { path: create(join(folder, 'servers')) };
  const path = join(FALLBACK_PARENT, fallbackName(folder, process.getuid?.() ?? 0));
  return { path: createOwned(path), reason };
}

/** The fallback's name tells whose it is: one for each user and folder. */
export function fallbackName(folder, uid) {
  return `holdfast-${uid}-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
}

/**
 * Why servers cannot live inside a folder, or undefined when they can.
 *
 * @param {string} folder absolute
 * @param {{root: boolean, modeOf: (path: string) => number}} machine
 */
export function whyNotInside(folder, { root, modeOf }) {
  // RabbitMQ's start scripts split their arguments at blanks.
  if (/\s/.test(folder)) return `${folder} has a blank in its name`;
  // Only root hands a server to another user; everybody else can read what they own.
  if (!root) return undefined;
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if (!(modeOf(path) & OTHERS_MAY_ENTER)) return `${path} may not be entered by the servers' own users`;
  }
  return undefined;
}

function create(path) {
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o755);
  return path;
}

/** Anybody can write to /var/tmp, so a folder that somebody else put there is not used. */
function createOwned(path) {
  mkdirSync(path, { recursive: true });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${path} belongs to somebody else: remove it, or clone to a folder that other users may enter.`);
  }
  chmodSync(path, 0o755);
  return path;
}
