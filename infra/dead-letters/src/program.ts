import { openDeadLetters, type DeadLetter, type DeadLetterBox } from '@holdfast/broker';
import { Command, InvalidArgumentError } from 'commander';
import { listText, showText } from './report';

const LIST_DEFAULT = 100;
/** Taken out at once at most: they are in memory, and out of sight of everybody else, until the command ends. */
const TAKEN_MAX = 10_000;

type Print = (text: string) => void;

/** The command line `list | show | replay | drop`. What it finds goes to `print`, what went wrong rejects or sets the exit code. */
export function deadLettersProgram(url: string, print: Print): Command {
  const program = new Command('dead-letters').description(
    'Messages that were given up: malformed, refused, or failing too often. RabbitMQ is the one of HOLDFAST_RABBITMQ_URL, else of the running `npm start`.',
  );

  program
    .command('list')
    .description('one line per letter, oldest first; changes nothing')
    .option('--limit <count>', 'letters at most', count, LIST_DEFAULT)
    .option('--json', 'everything about each, as JSON')
    .action(({ limit, json }: { limit: number; json?: boolean }) =>
      withLetters(url, limit, (box) => {
        if (json) print(`[${box.letters.map((letter) => showText(letter)).join(',\n')}]`);
        else print(listText(box.letters, box.more));
        return Promise.resolve();
      }),
    );

  program
    .command('show')
    .description('everything about one letter; changes nothing')
    .argument('<letter>', 'its id, or its number in the list')
    .action((name: string) =>
      withLetters(url, TAKEN_MAX, (box) => {
        print(showText(find(box, name)));
        return Promise.resolve();
      }),
    );

  program
    .command('replay')
    .description('send letters again to where they first went, and remove them here once that is confirmed')
    .argument('[ids...]', 'their ids')
    .option('--all', `all of them, at most ${TAKEN_MAX}`)
    .action((ids: string[], { all }: { all?: boolean }) =>
      withLetters(url, TAKEN_MAX, async (box) => {
        if (!all && ids.length === 0) throw new Error('Say which: ids, or --all');
        await replay(box, all ? box.letters : ids.map((id) => find(box, id)), print);
      }),
    );

  program
    .command('drop')
    .description('remove letters for good: what can never be used, or is not needed any more')
    .argument('<ids...>', 'their ids')
    .action((ids: string[]) =>
      withLetters(url, TAKEN_MAX, (box) => {
        const letters = ids.map((id) => find(box, id));
        letters.forEach((letter) => {
          box.drop(letter);
          print(showText(letter));
        });
        print(`${letters.length} dropped.`);
        return Promise.resolve();
      }),
    );

  return program;
}

async function replay(box: DeadLetterBox, letters: DeadLetter[], print: Print): Promise<void> {
  let replayed = 0;
  for (const letter of letters) {
    try {
      await box.replay(letter);
      replayed += 1;
    } catch (error) {
      console.error(`${letter.id} stays: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
  print(`${replayed} of ${letters.length} replayed.`);
}

/** By id, or by number in the list. A number may mean another letter when new ones came; `replay` is told ids. */
function find(box: DeadLetterBox, name: string): DeadLetter {
  const { letters } = box;
  const letter = letters.find(({ id }) => id === name) ?? (/^\d+$/.test(name) ? letters[Number(name) - 1] : undefined);
  if (!letter) throw new Error(`There is no dead letter "${name}"`);
  return letter;
}

async function withLetters(url: string, max: number, use: (box: DeadLetterBox) => Promise<void>): Promise<void> {
  const box = await openDeadLetters(url, max);
  try {
    await use(box);
  } finally {
    await box.close();
  }
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > TAKEN_MAX) {
    throw new InvalidArgumentError(`a whole number from 1 to ${TAKEN_MAX}`);
  }
  return value;
}
