import { checkJournals, rebuildDamagedJournals, setDamagedJournalsAside, type JournalState } from '@holdfast/expiry';
import { outstandingHolds } from '@holdfast/inventory';
import { openDatabase } from '@holdfast/postgres';
import { Command } from 'commander';

const NAME = 'timer-journal';

export interface TimerJournalPlace {
  /** Of the journals of all shards. */
  folder: string;
  /** Undefined when it is not known here. */
  postgresUrl: string | undefined;
}

type Print = (text: string) => void;

/** The command line `check | rebuild`. What it finds goes to `print`; what went wrong rejects or sets the exit code. */
export function timerJournalProgram(place: TimerJournalPlace, print: Print): Command {
  const program = new Command(NAME).description(
    'The journal of the expiry engine timing-wheel: the folder of HOLDFAST_TIMER_JOURNAL, else that of `npm start`.',
  );

  program
    .command('check')
    .description('reads every journal; changes nothing')
    .action(async () => {
      const states = await checkJournals(place.folder);
      for (const state of states) print(line(state));
      if (states.some(({ state }) => state === 'damaged')) process.exitCode = 1;
    });

  program
    .command('rebuild')
    .description(
      'replaces damaged journals: at once from the Postgres of HOLDFAST_POSTGRES_URL; where that is not set the worker does it when it starts. Stop the worker first.',
    )
    .action(() =>
      place.postgresUrl ? rebuildNow(place.folder, place.postgresUrl, print) : leaveToWorker(place, print),
    );

  return program;
}

async function rebuildNow(folder: string, postgresUrl: string, print: Print): Promise<void> {
  const database = openDatabase({ url: postgresUrl, applicationName: NAME });
  try {
    const rebuilt = await rebuildDamagedJournals(folder, outstandingHolds(database));
    for (const state of rebuilt) print(`${line(state)}, rebuilt from Postgres`);
    if (rebuilt.length === 0) print(`No journal in ${folder} is damaged.`);
  } finally {
    await database.close();
  }
}

async function leaveToWorker({ folder }: TimerJournalPlace, print: Print): Promise<void> {
  const moved = await setDamagedJournalsAside(folder);
  for (const { shard, aside } of moved) {
    print(`shard ${shard}: damaged, moved to ${aside}; the expiry-worker rebuilds it from Postgres when it starts`);
  }
  if (moved.length === 0) print(`No journal in ${folder} is damaged.`);
}

function line({ shard, state, timers, fault }: JournalState): string {
  if (state === 'none') return `shard ${shard}: no journal`;
  if (state === 'damaged') return `shard ${shard}: ${fault ?? state}`;
  return `shard ${shard}: whole, ${timers} timers`;
}
