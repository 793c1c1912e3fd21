import { OperatorError } from '@holdfast/config';

/** What the system says of an address that cannot be listened on, by the setting that is to be mended. */
const REASONS: Record<string, string> = {
  EADDRINUSE: 'HOLDFAST_HTTP_PORT: another process listens on it',
  EACCES: 'HOLDFAST_HTTP_PORT: may not be listened on by this user',
  EADDRNOTAVAIL: 'HOLDFAST_HTTP_HOST: is no address of this machine',
  ENOTFOUND: 'HOLDFAST_HTTP_HOST: is neither an address nor a known name',
  EAI_AGAIN: 'HOLDFAST_HTTP_HOST: is no address, and no name server answers',
};

/** The address in the settings cannot be listened on. */
export class CannotListen extends OperatorError {
  /** @returns the error itself, where no setting is to blame */
  static because(error: unknown): unknown {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    return reason ? new CannotListen(`Cannot listen for HTTP:\n  - ${reason}`, { cause: error }) : error;
  }
}
