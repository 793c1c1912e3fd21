/** The outcome of a batch of one request. */
export function only<T>([outcome]: T[]): T {
  if (outcome === undefined) throw new Error('one request, one outcome');
  return outcome;
}
