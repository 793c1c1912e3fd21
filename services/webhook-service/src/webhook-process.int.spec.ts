import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, ServiceProcess } from '@holdfast/testing';
import { CourierRig, MASTER_KEY } from './spec/courier-rig';
import { SampleEvent, upTo } from './spec/ledger';
import { Receiver, verified } from './spec/receiver';

const JWT_SECRET = 'a secret of at least thirty-two characters';

let rig: CourierRig;
let receiver: Receiver;
let event: SampleEvent;
const services: ServiceProcess[] = [];

beforeAll(async () => (rig = await CourierRig.open()));
beforeEach(async () => {
  receiver = await Receiver.start();
  event = await SampleEvent.open(rig.database);
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.kill()));
  await receiver.stop();
  await rig.database.query('DELETE FROM webhooks.endpoints');
});
afterAll(() => rig.close());

async function startService(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await ServiceProcess.start('webhook-service', {
    env: {
      HOLDFAST_POSTGRES_URL: rig.postgresUrl,
      HOLDFAST_JWT_SECRET: JWT_SECRET,
      HOLDFAST_WEBHOOK_KEY: MASTER_KEY,
      HOLDFAST_WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      HOLDFAST_WEBHOOK_POLL_MS: '20',
      ...env,
    },
  });
  services.push(service);
  return service;
}

describe('webhook-service, as a process', () => {
  it('sends again, as it was, what the receiver had when it was killed', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    const service = await startService();
    receiver.react = () => 'hang';
    await event.grow(2);
    await eventually(() => receiver.received.length === 1);
    await service.kill();

    receiver.react = () => 204;
    await event.grow(1);
    await rig.makeDue(endpoint);
    await service.start();
    await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 3);
    expect(receiver.seqs).toEqual([1, 2, 1, 2, 3]);
    expect(receiver.ids[1]).toBe(receiver.ids[0]);
    expect(receiver.received[1]?.body).toBe(receiver.received[0]?.body);
  });

  it('delivers everything in order with two of them, one killed in the middle', async () => {
    const receivers = [receiver, await Receiver.start(), await Receiver.start()];
    const endpoints = await Promise.all(receivers.map(({ url }) => rig.addEndpoint(event, url)));
    await event.grow(1_000);
    const [first] = [await startService(), await startService()];
    await eventually(() => receivers.some(({ received }) => received.length > 1));
    await first.kill();
    for (const endpoint of endpoints) {
      // What the killed one had in hand is free when its lease has run out.
      await rig.makeDue(endpoint);
      await eventually(async () => (await rig.read(endpoint)).deliveredSeq === 1_000);
    }
    for (const { seqs, ids } of receivers) {
      expect([...new Set(seqs)]).toEqual(upTo(1_000));
      // One repeated for the kill, and one where the lease that was ended above was the living one's.
      expect(ids.length - new Set(ids).size).toBeLessThanOrEqual(2);
    }
    await Promise.all(receivers.slice(1).map((each) => each.stop()));
  });

  it('ends in good order on SIGTERM: the delivery in hand is seen through', async () => {
    const endpoint = await rig.addEndpoint(event, receiver.url);
    const service = await startService();
    let answer: (status: number) => void = () => undefined;
    receiver.react = () => new Promise<number>((resolve) => (answer = resolve));
    await event.grow(1);
    await eventually(() => receiver.received.length === 1);
    const stopped = service.stop();
    await eventually(() => service.log.includes('SIGTERM: stopping'));
    answer(204);
    await stopped;
    expect(service.exitCode).toBe(0);
    expect(await rig.read(endpoint)).toMatchObject({ deliveredSeq: 1, failures: 0 });
  });

  it('does not start without a key, and does not print one that is too short', async () => {
    await expect(startService({ HOLDFAST_WEBHOOK_KEY: '' })).rejects.toThrow(/HOLDFAST_WEBHOOK_KEY/);
    const short = startService({ HOLDFAST_WEBHOOK_KEY: 'hunter2' });
    await expect(short).rejects.toThrow(/HOLDFAST_WEBHOOK_KEY/);
    await expect(short).rejects.not.toThrow(/hunter2/);
    await expect(startService({ HOLDFAST_WEBHOOK_ALLOWED_NETWORKS: '10.0.0.1' })).rejects.toThrow(/CIDR/);
  });

  const itWithOpenssl = spawnSync('openssl', ['version']).status === 0 ? it : it.skip;

  itWithOpenssl(
    'delivers by https to a name whose certificate is trusted, and to no other (needs openssl)',
    async () => {
      const [trusted, stranger] = [makeCertificate(), makeCertificate()];
      const [known, unknown] = [await Receiver.start(trusted), await Receiver.start(stranger)];
      const service = await startService({ NODE_EXTRA_CA_CERTS: trusted.certFile });
      const endpoint = await rig.addEndpoint(event, known.url);
      const refused = await rig.addEndpoint(event, unknown.url);
      await event.grow(1);
      await eventually(() => known.received.length === 1);
      const [first] = known.received;
      expect(first && verified(rig.secret(endpoint), first).data.entries).toHaveLength(1);
      expect(first?.headers.host).toBe(`localhost:${known.port}`);
      await eventually(async () => (await rig.read(refused)).failures === 1);
      expect((await rig.read(refused)).lastFailure).toBe('not reached: DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(unknown.received).toEqual([]);
      await service.stop();
      await Promise.all([known.stop(), unknown.stop()]);
      for (const { folder } of [trusted, stranger]) rmSync(folder, { recursive: true });
    },
  );
});

/** A certificate for `localhost` that signs itself. */
function makeCertificate() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-certificate-'));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', certFile],
  ]);
  if (made.status !== 0) throw new Error(made.stderr.toString());
  return { folder, certFile, key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
}
