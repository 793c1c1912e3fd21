import { OperatorError } from './operator-error';

/** What the system says of an address that cannot be listened on, by the setting that is to be mended. */
const REASONS: Record<string, (portSetting: string) => string> = {
  EADDRINUSE: (port) => `${port}: another process listens on it`,
  EACCES: (port) => `${port}: may not be listened on by this user`,
  EADDRNOTAVAIL: () => 'HOLDFAST_HTTP_HOST: is no address of this machine',
  ENOTFOUND: () => 'HOLDFAST_HTTP_HOST: is neither an address nor a known name',
  EAI_AGAIN: () => 'HOLDFAST_HTTP_HOST: is no address, and no name server answers',
};

/** The address in the settings cannot be listened on. */
export class CannotListen extends OperatorError {
  /**
   * @param portSetting the variable that names the port
   * @returns the error itself, where no setting is to blame
   */
  static because(error: unknown, portSetting: string): unknown {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    return reason ? new CannotListen(`Cannot listen for HTTP:\n  - ${reason(portSetting)}`, { cause: error }) : error;
  }
}
