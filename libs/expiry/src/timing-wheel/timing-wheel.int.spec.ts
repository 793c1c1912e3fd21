import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { itKeepsTheExpiryContract, type EngineRig } from '../engine-contract.spec';
import { rabbitmqRig } from '../spec/rabbitmq-rig.spec';
import { SHARDS } from './shards';

/** Every worker with a disk of its own, as on machines of their own: a hand-over rebuilds from the database. */
async function wheelRig(): Promise<EngineRig> {
  const rig = await rabbitmqRig();
  const root = await mkdtemp(join(tmpdir(), 'holdfast-wheel-'));
  return {
    async connect(who) {
      const { parts, cut } = await rig.connect(who);
      return { parts: { ...parts, timingWheel: { journalFolder: await mkdtemp(join(root, 'worker-')) } }, cut };
    },
    // A baton stays in each queue.
    leftBehind: async () => (await rig.leftBehind()) - SHARDS,
    async close() {
      await rig.close();
      await rm(root, { recursive: true });
    },
  };
}

describe('the timing-wheel engine', () => {
  itKeepsTheExpiryContract('timing-wheel', wheelRig);
});
