import { readFileSync } from 'node:fs';

/** Somebody without rights on every Unix, for servers whose package brought no user of its own. */
const NOBODY = 'nobody';

export const isRoot = () => process.getuid?.() === 0;

/**
 * Who a server runs as. Root never runs one: it becomes the package's own user. Everybody else stays who they are.
 *
 * @param {string} wished the package's user, for example `postgres`
 * @returns {{uid: number, gid: number, name: string} | undefined} undefined: the current user
 */
export function accountFor(wished, root = isRoot(), passwd = readPasswd()) {
  if (!root) return undefined;
  const account = findAccount(passwd, wished) ?? findAccount(passwd, NOBODY);
  if (!account) throw new Error(`There is neither a user "${wished}" nor "${NOBODY}" to run a server as.`);
  return account;
}

function findAccount(passwd, wished) {
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name === wished) return { name, uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function readPasswd() {
  return readFileSync('/etc/passwd', 'utf8');
}
