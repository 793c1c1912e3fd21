import { spawnSync } from 'node:child_process';
import { openBroker } from '@holdfast/broker';
import { testServers, testVhost } from '@holdfast/testing';
import { itKeepsTheExpiryContract } from '../engine-contract.spec';
import { rabbitmqRig } from '../spec/rabbitmq-rig.spec';
import { DelayedExchangeMissing } from './delayed-timers';
import { openEngine, openScheduler } from '../open-engine';

/** Jest decides what to skip before any test runs, so the broker must be asked synchronously: by a process of its own. */
function brokerHasDelayedExchange(): boolean {
  const { origin, username, password } = new URL(testServers().rabbitmqApiUrl);
  const script = `
    const headers = { authorization: 'Basic ' + Buffer.from(process.env.CREDENTIALS).toString('base64') };
    fetch(process.env.ORIGIN + '/api/overview', { headers })
      .then((answer) => answer.json())
      .then(({ exchange_types }) => console.log(exchange_types.map(({ name }) => name).join()));`;
  const env = { ...process.env, ORIGIN: origin, CREDENTIALS: `${username}:${password}` };
  const { status, stdout } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error('RabbitMQ did not tell which exchange types it has');
  return stdout.includes('x-delayed-message');
}

const present = brokerHasDelayedExchange();
if (!present) {
  process.stdout.write(
    'Skipped: the delayed-exchange engine keeps the contract. This RabbitMQ has no exchange type x-delayed-message.\n',
  );
}

(present ? describe : describe.skip)('the delayed-exchange engine', () => {
  itKeepsTheExpiryContract('delayed-exchange', rabbitmqRig);
});

(present ? describe.skip : describe)('the delayed-exchange engine on a broker without the plugin', () => {
  it('says so at the start, and how to switch, without harm to the connection it will use', async () => {
    const vhost = await testVhost();
    const broker = openBroker({ url: vhost.url, name: 'without-plugin' });
    await broker.whenReady(20_000);
    const parts = { rabbitmq: { broker, url: vhost.url }, clock: Date };
    const sentence = /no exchange type x-delayed-message.*HOLDFAST_EXPIRY_ENGINE=parking/;

    await expect(openScheduler('delayed-exchange', parts)).rejects.toThrow(sentence);
    await expect(openEngine('delayed-exchange', parts).start(() => Promise.resolve({ again: [] }))).rejects.toThrow(
      DelayedExchangeMissing,
    );
    expect(broker.ready).toBe(true);

    await broker.close();
    await vhost.drop();
  });
});
