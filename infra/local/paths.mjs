import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone this file belongs to. */
export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Everything `npm start` keeps: data, logs, secrets, state. Ignored by git. */
export const localFolder = resolve(repository, '.local');
