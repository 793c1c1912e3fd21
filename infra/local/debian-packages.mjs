import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isRoot } from './accounts.mjs';
import { findProgram, runStreaming } from './run-command.mjs';

const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_MARK = '# Written by Holdfast while it installs packages; safe to remove.';
/** Debian's "action forbidden by policy". */
const POLICY_TEXT = `#!/bin/sh\n${POLICY_MARK}\nexit 101\n`;
const TAIL_LINES = 8;

/** Whether packages can be installed here without asking anybody: Debian or Ubuntu, as root. */
export const canInstall = () => isRoot() && existsSync('/etc/debian_version') && findProgram('apt-get') !== undefined;

/**
 * Installs Debian packages without letting their services start: the system's own instances are none of our business.
 *
 * @param {string[]} packages
 * @param {(line: string) => void} log
 * @returns {Promise<{ok: boolean, why?: string}>}
 */
export async function installPackages(packages, log) {
  return withoutServiceStart(async () => {
    for (const args of [['update'], ['install', '--no-install-recommends', '-y', ...packages]]) {
      log(`  apt-get ${args.join(' ')}`);
      const { ok, tail } = await runStreaming('apt-get', args, {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
        onLine: (line) => /^(Unpacking|Setting up) /.test(line) && log(`  ${line}`),
        tailLines: TAIL_LINES,
      });
      if (!ok) return { ok: false, why: `apt-get ${args[0]} failed:\n${tail}` };
    }
    return { ok: true };
  });
}

/** Puts the machine's own policy back afterwards, whatever happened. */
async function withoutServiceStart(work) {
  const text = existsSync(POLICY) ? readFileSync(POLICY, 'utf8') : undefined;
  // A file with our mark was left behind by a run that was killed.
  const before = text && !text.includes(POLICY_MARK) ? { text, mode: statSync(POLICY).mode } : undefined;
  writeFileSync(POLICY, POLICY_TEXT);
  chmodSync(POLICY, 0o755);
  try {
    return await work();
  } finally {
    rmSync(POLICY, { force: true });
    if (before) {
      writeFileSync(POLICY, before.text);
      chmodSync(POLICY, before.mode);
    }
  }
}
