import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts CPU time in these; 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KB_PER_MB = 1_024;

/** CPU seconds a process and all below it have used, with those of its children that ended. 0 where there is no /proc. */
export function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const stats = processStats();
  const family = [pid];
  let ticks = 0;
  for (let i = 0; i < family.length; i++) {
    for (const { id, parent } of stats.values()) if (parent === family[i]) family.push(id);
    ticks += stats.get(family[i] ?? 0)?.ticks ?? 0;
  }
  return ticks / TICKS_PER_SECOND;
}

/** What a process keeps in memory, in MB; 0 where there is no /proc. */
export function memoryMb(pid: number | undefined): number {
  const status = pid === undefined ? undefined : readText(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status ?? '')?.[1] ?? 0) / KB_PER_MB);
}

interface ProcessStat {
  id: number;
  parent: number;
  ticks: number;
}

function processStats(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const name of readText('/proc/stat') === undefined ? [] : readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? readText(`/proc/${name}/stat`) : undefined;
    if (!stat) continue;
    // The name in field 2 may contain blanks and brackets; counted from behind it, the parent is field 4.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    stats.set(Number(name), { id: Number(name), parent: Number(fields[1]), ticks });
  }
  return stats;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
