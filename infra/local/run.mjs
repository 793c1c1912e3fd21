import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { nodeProgram } from './node.mjs';
import { repository } from './paths.mjs';
import { prepareWorkspace, requireNode } from './workspace.mjs';

/*
 * node infra/local/run.mjs FOLDER ARGS: installs and builds when needed, then runs FOLDER/dist/index.js with the
 * arguments. Standard output is the program's alone; what we say goes to standard error.
 */
requireNode();
const [folder, ...args] = process.argv.slice(2);
if (!folder) {
  console.error('Usage: node infra/local/run.mjs FOLDER ARGS');
  process.exit(2);
}
const log = (line) => process.stderr.write(`${line}\n`);
try {
  await prepareWorkspace(log);
} catch (error) {
  log(error.message);
  process.exit(1);
}

const child = spawn(nodeProgram(), ['--enable-source-maps', join(repository, folder, 'dist', 'index.js'), ...args], {
  stdio: 'inherit',
});
// Ctrl-C reaches the child by itself, as part of the terminal's group; it decides how to end.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
child.once('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
