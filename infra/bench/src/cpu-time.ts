import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts CPU time in these; 100 a second on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const KB_PER_MB = 1_024;

/** CPU seconds a process and all below it have used, with those of its children that ended. 0 where there is no /proc. */
export function cpuSeconds(pid: number | undefined): number {
  return familyOf(pid).reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND;
}

/** What a process and all below it keep in memory, in MB; 0 where there is no /proc. */
export function familyMemoryMb(pid: number | undefined): number {
  return familyOf(pid).reduce((sum, { id }) => sum + memoryMb(id), 0);
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

function familyOf(pid: number | undefined): ProcessStat[] {
  const stats = processStats();
  const first = stats.get(pid ?? 0);
  const family = first ? [first] : [];
  for (const { id } of family) for (const stat of stats.values()) if (stat.parent === id) family.push(stat);
  return family;
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
