import { join } from 'node:path';
import { timerJournalProgram } from './program';

/** Where `npm start` keeps it. */
const LOCAL_FOLDER = join(__dirname, '..', '..', '..', '.local', 'timer-journal');

const { HOLDFAST_TIMER_JOURNAL: folder, HOLDFAST_POSTGRES_URL: postgresUrl } = process.env;

timerJournalProgram({ folder: folder || LOCAL_FOLDER, postgresUrl: postgresUrl || undefined }, (text) =>
  console.log(text),
)
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
