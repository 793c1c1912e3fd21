import { readJson } from './json-file.mjs';
import { birthMark, isAlive } from './managed-process.mjs';
import { join } from 'node:path';
import { removeFile, writeJson } from './json-file.mjs';

const fileIn = (folder) => join(folder, 'start.json');

/** Notes that this process runs the system of a folder. */
export function markRunning(folder) {
  writeJson(fileIn(folder), { pid: process.pid, birth: birthMark(process.pid) });
}

export function unmarkRunning(folder) {
  removeFile(fileIn(folder));
}

/** The number of the process that runs the system of a folder, or undefined when none does. */
export function runningStart(folder) {
  const mark = readJson(fileIn(folder));
  return mark && isAlive(mark.pid) && birthMark(mark.pid) === mark.birth ? mark.pid : undefined;
}
