import { startTemporarySystem, type TemporarySystem } from '@holdfast/demo';

export { WORKSPACE } from '@holdfast/demo';

/** A whole system for this bench alone, with the folder of its data, gone after `stop`. */
export type BenchSystem = TemporarySystem;

/** @param options what the bench sets up in another way than everybody else */
export function startBenchSystem(
  log: (line: string) => void,
  options: Parameters<typeof startTemporarySystem>[2] = {},
): Promise<BenchSystem> {
  return startTemporarySystem('bench', log, options);
}
