import { itKeepsTheExpiryContract } from '../engine-contract.spec';

/** It reads the database, which is part of the contract's own rig. */
const NO_TRANSPORT = { connect: () => Promise.resolve({ parts: {}, cut: () => Promise.resolve() }) };

describe('the sweep engine', () => {
  itKeepsTheExpiryContract('sweep', () =>
    Promise.resolve({ ...NO_TRANSPORT, leftBehind: () => Promise.resolve(0), close: () => Promise.resolve() }),
  );
});
