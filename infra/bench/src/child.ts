import { fork } from 'node:child_process';
import { join } from 'node:path';

type Reply<Result> = { result: Result } | { error: string };

/** Runs a program of this folder in a process of its own, with one job in and one result out. */
export function runInChild<Result>(program: string, job: object): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, `${program}.js`), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    child.once('message', (reply: Reply<Result>) => {
      if ('result' in reply) resolve(reply.result);
      else reject(new Error(reply.error));
      child.disconnect();
    });
    child.once('exit', (code) => reject(new Error(`${program} ended with status ${code}`)));
    child.send(job);
  });
}

/** The other side of {@link runInChild}. */
export function answerParent<Job, Result>(work: (job: Job) => Promise<Result>): void {
  process.once('message', (job: Job) => {
    work(job).then(
      (result) => process.send?.({ result }),
      (error: Error) => process.send?.({ error: error.message }),
    );
  });
}
