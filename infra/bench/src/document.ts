import type { Durability, Machine } from '@holdfast/demo';
import { hundredths } from './settings';
import { median } from './percentile';

/** What a bench prints with `--json`: what was measured, on what, how durably, every round, and the medians of the rounds. */
export type BenchDocument<Round extends object = object> = {
  name: string;
  machine: Machine;
  settings: Record<string, string | number>;
  durability: Durability;
  rounds: Round[];
} & Round;

/** The median of every number of the rounds, in their shape. What a round could not say (null) leaves the others. */
export function medianOf<T>(rounds: T[]): T {
  return medianFigure(rounds) as T;
}

function medianFigure(rounds: unknown[]): unknown {
  const known = rounds.filter((value) => value !== null && value !== undefined);
  const [first] = known;
  if (first === undefined) return null;
  if (typeof first === 'number') return hundredths(median(known as number[]));
  if (typeof first !== 'object') return first;
  const figures = known as Record<string, unknown>[];
  const medians = Object.keys(figures[0] ?? {}).map((name) => [
    name,
    medianFigure(figures.map((round) => round[name])),
  ]);
  return Object.fromEntries(medians) as unknown;
}
