import { BullmqPeer } from './bullmq';
import { GraphileWorkerPeer } from './graphile-worker';
import type { Peer, PeerAddresses } from './peer';
import { PgBossPeer } from './pg-boss';

export const PEERS = ['bullmq', 'pg-boss', 'graphile-worker'] as const;
export type PeerName = (typeof PEERS)[number];

/** @param tuned false: every setting as the peer comes; true: as its documentation advises for many short, prompt jobs */
export function openPeer(name: PeerName, tuned: boolean, addresses: PeerAddresses): Peer {
  switch (name) {
    case 'bullmq':
      return new BullmqPeer(addresses, tuned);
    case 'pg-boss':
      return new PgBossPeer(addresses, tuned);
    case 'graphile-worker':
      return new GraphileWorkerPeer(addresses, tuned);
  }
}
