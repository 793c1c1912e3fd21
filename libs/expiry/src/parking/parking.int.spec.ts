import { itKeepsTheExpiryContract } from '../engine-contract.spec';
import { rabbitmqRig } from '../spec/rabbitmq-rig.spec';

describe('the parking engine', () => {
  itKeepsTheExpiryContract('parking', rabbitmqRig);
});
