export { openPeer, PEERS, type PeerName } from './open-peer';
export type { Peer, PeerAddresses, ReleaseJob } from './peer';
export { releaseJob } from './job-release';
