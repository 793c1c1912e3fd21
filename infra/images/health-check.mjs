import { get } from 'node:http';

/*
 * The health check of an image without curl: ends with status 0 when the service in this container answers 200 at the
 * given path. Node's own http and not fetch, because it is loaded in half the time, every few seconds.
 */
const ANSWER_TIMEOUT_MS = 2_500;
const [path = '/health/live'] = process.argv.slice(2);
const port = process.env.HOLDFAST_HTTP_PORT;

const fail = (why) => {
  console.error(why);
  process.exit(1);
};
get({ host: '127.0.0.1', port, path, timeout: ANSWER_TIMEOUT_MS }, ({ statusCode }) =>
  statusCode === 200 ? process.exit(0) : fail(`${path} answered ${statusCode}`),
)
  .on('timeout', () => fail(`${path} did not answer within ${ANSWER_TIMEOUT_MS} ms`))
  .on('error', (error) => fail(error.message));
