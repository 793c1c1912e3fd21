import { parseArgs } from 'node:util';

/**
 * The options a command was given. `--help` prints the usage and ends the process; so does, with status 2, an option
 * that is not known, so that `npm run reset -- --help` resets nothing.
 *
 * @param {string} usage
 * @param {import('node:util').ParseArgsConfig['options']} [options] as `parseArgs` takes them
 */
export function readOptions(usage, options = {}) {
  let values;
  try {
    ({ values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }));
  } catch (error) {
    refuseOptions(usage, error.message);
  }
  if (!values.help) return values;
  console.log(usage);
  process.exit(0);
}

/** Ends the process with what is wrong with its options, and the usage. */
export function refuseOptions(usage, complaint) {
  console.error(`${complaint}\n${usage}`);
  process.exit(2);
}
