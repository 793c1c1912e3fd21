import { OperatorError } from '@holdfast/config';

/**
 * An engine cannot work at all with the servers it was given: a plugin or a right is missing. The message is one plain
 * sentence or two: what is missing, and how to mend it or choose another engine.
 */
export class EngineUnavailable extends OperatorError {}
