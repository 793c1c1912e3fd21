import { stopProvided } from './provide-servers';

/** Jest wants its global teardown in a file of its own. */
export default stopProvided;
