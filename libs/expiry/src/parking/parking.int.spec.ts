import { itKeepsTheExpiryContract } from '../engine-contract.spec';

describe('the parking engine', () => {
  itKeepsTheExpiryContract('parking');
});
