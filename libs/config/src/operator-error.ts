/** Something is not as the service needs it, and an operator can set it right by the message alone: no stack helps. */
export abstract class OperatorError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
