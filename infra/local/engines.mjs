/** The expiry engines by name, as in libs/expiry: here too, because this runs before anything is built. */
export const ENGINES = ['parking', 'delayed-exchange', 'keyspace', 'timing-wheel', 'sqs', 'sweep'];

/**
 * Whether a setting names engines that exist: one, or while it is being changed a comma list.
 *
 * @param {string} setting
 */
export const areEngines = (setting) => setting.split(',').every((name) => ENGINES.includes(name));
