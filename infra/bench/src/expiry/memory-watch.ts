import { familyMemoryMb } from '../cpu-time';
import type { Lab } from './lab';
import type { TimerServer } from './contestants';
import type { Side } from './side';

const LOOK_EVERY_MS = 1_000;

/** The largest size of a worker, and by how much the server that keeps the timers grew. */
export class MemoryWatch {
  private readonly serverBeforeMb: number;
  private workerMb = 0;
  private serverMb = 0;
  private timer: NodeJS.Timeout | undefined;

  /** Begins with the size of the server before there is anything in it. */
  constructor(
    private readonly lab: Lab,
    private readonly server: TimerServer,
  ) {
    this.serverBeforeMb = this.readServerMb();
  }

  start(side: Side): void {
    this.timer = setInterval(() => this.look(side), LOOK_EVERY_MS);
  }

  stop(): number {
    clearInterval(this.timer);
    return this.workerMb + Math.max(0, this.serverMb - this.serverBeforeMb);
  }

  private look({ worker }: Side): void {
    this.workerMb = Math.max(this.workerMb, familyMemoryMb(worker.pid));
    this.serverMb = Math.max(this.serverMb, this.readServerMb());
  }

  /**
   * Postgres keeps jobs on the disk, and its processes share one memory, which counting each would count many times; an
   * emulator's memory says nothing of the service.
   */
  private readServerMb(): number {
    return this.server === 'postgres' || this.server === 'emulator'
      ? 0
      : familyMemoryMb(this.lab.server(this.server).pid);
  }
}
