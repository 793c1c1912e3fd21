import type { BenchSystem } from './bench-system';
import { cpuSeconds } from './cpu-time';

export interface CpuAccount {
  node: number;
  postgres: number;
  redis: number;
  rabbitmq: number;
}

/** CPU seconds used so far by the process that serves and by each server. */
export function readCpu(system: BenchSystem, servicePid: number | undefined): CpuAccount {
  const { postgres, redis, rabbitmq } = system.serverProcesses;
  return {
    node: cpuSeconds(servicePid),
    postgres: cpuSeconds(postgres?.pid),
    redis: cpuSeconds(redis?.pid),
    rabbitmq: cpuSeconds(rabbitmq?.pid),
  };
}

/** Milliseconds for each of so many operations between two readings. */
export function cpuMsPerOperation(before: CpuAccount, after: CpuAccount, operations: number): CpuAccount {
  const per = (name: keyof CpuAccount) =>
    Math.round(((after[name] - before[name]) * 1_000_000) / Math.max(1, operations)) / 1_000;
  return { node: per('node'), postgres: per('postgres'), redis: per('redis'), rabbitmq: per('rabbitmq') };
}
