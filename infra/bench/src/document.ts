import type { Durability, Machine } from '@holdfast/demo';
import { thousandths } from './settings';
import { median } from './percentile';

/** What a bench prints with `--json`: what was measured, on what, how durably, every round, and the medians of the rounds. */
export type BenchDocument<Round extends object = object> = {
  name: string;
  machine: Machine;
  settings: Record<string, string | number>;
  durability: Durability;
  rounds: Round[];
} & Round;

/** The median of every number of the rounds, in their shape; lists by place. What a round could not say (null) leaves the others. */
export function medianOf<T>(rounds: T[]): T {
  return medianFigure(rounds) as T;
}

function medianFigure(rounds: unknown[]): unknown {
  const known = rounds.filter((value) => value !== null && value !== undefined);
  const [first] = known;
  if (first === undefined) return null;
  if (typeof first === 'number') return thousandths(median(known as number[]));
  if (typeof first !== 'object') return first;
  if (Array.isArray(first)) return first.map((_, nth) => medianFigure(known.map((list) => (list as unknown[])[nth])));
  const figures = known as Record<string, unknown>[];
  const medians = Object.keys(figures[0] ?? {}).map((name) => [
    name,
    medianFigure(figures.map((round) => round[name])),
  ]);
  return Object.fromEntries(medians) as unknown;
}
