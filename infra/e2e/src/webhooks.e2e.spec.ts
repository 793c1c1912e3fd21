import type { WebhookEndpointBody, WebhookEndpointCreatedBody, WebhookSecretBody } from '@holdfast/contracts';
import { eventually } from '@holdfast/testing';
import { expectProblem, faultAt, request, type Call } from './api';
import { buyers, itWithMintedTokens, itWithReceiver, mintToken } from './people';
import { Sale } from './sale';
import { WebhookReceiver } from './webhook-receiver';

const ask = <T>(sale: Sale, method: 'GET' | 'POST' | 'DELETE', path: string, call: Call = {}) =>
  request<T>(method, `${sale.path}/webhook-endpoints${path}`, { token: sale.organiserToken, ...call });

const EVERYWHERE_REFUSED = 'http://169.254.169.254/latest/meta-data';

describe('a webhook', () => {
  let receiver: WebhookReceiver;
  beforeEach(async () => (receiver = await WebhookReceiver.start()));
  afterEach(() => receiver.stop());

  async function register(sale: Sale): Promise<WebhookEndpointCreatedBody> {
    const answer = await ask<WebhookEndpointCreatedBody>(sale, 'POST', '', { body: { url: receiver.url } });
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: 201 });
    return answer.body;
  }

  itWithReceiver(
    'tells the seller of every change, signed and in order, by either secret after a rotation',
    async () => {
      const sale = await Sale.open();
      const { endpointId, secret } = await register(sale);
      const [buyer = ''] = await buyers(1);
      const seats = sale.seatIds.slice(0, 2);
      const { holdId } = await sale.held(buyer, seats);
      await eventually(() => receiver.deliveries.length > 0);
      const rotated = await ask<WebhookSecretBody>(sale, 'POST', `/${endpointId}/rotate-secret`);
      await sale.release(buyer, holdId);
      await eventually(() => receiver.entries(secret).length === 4);
      expect(receiver.entries(secret).map(({ seq, kind, holdId: of }) => [seq, kind, of])).toEqual([
        [1, 'held', holdId],
        [2, 'held', holdId],
        [3, 'released', holdId],
        [4, 'released', holdId],
      ]);
      receiver.deliveries.splice(0, 1);
      expect(receiver.entries(rotated.body.secret)).toHaveLength(receiver.entries(secret).length);
    },
  );

  itWithReceiver('that fails waits, and comes when the endpoint is enabled; a replay brings it again', async () => {
    const sale = await Sale.open();
    const { endpointId, secret } = await register(sale);
    const read = () => ask<WebhookEndpointBody>(sale, 'GET', `/${endpointId}`);
    const [buyer = ''] = await buyers(1);
    receiver.status = 503;
    await sale.held(buyer, sale.seatIds.slice(0, 1));
    const failed = await eventually(async () => {
      const { body } = await read();
      return body.failures > 0 ? body : undefined;
    });
    expect(failed).toMatchObject({ state: 'active', deliveredSeq: 0, lastFailure: { reason: 'answered 503' } });

    receiver.status = 200;
    await ask(sale, 'POST', `/${endpointId}/enable`);
    await eventually(async () => (await read()).body.deliveredSeq === 1);
    await ask(sale, 'POST', `/${endpointId}/replay`, { body: { fromSeq: 1 } });
    await eventually(() => receiver.deliveries.length === 3);
    expect(new Set(receiver.deliveries.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(receiver.entries(secret).map(({ seq }) => seq)).toEqual([1, 1, 1]);
  });

  itWithMintedTokens('goes to no private address, and is nobody else’s to set up', async () => {
    const sale = await Sale.open();
    const refused = await ask(sale, 'POST', '', { body: { url: EVERYWHERE_REFUSED } });
    expectProblem(refused, 422, 'validation-failed', faultAt('url'));
    const stranger = await mintToken('another-organiser', ['organiser']);
    expectProblem(await ask(sale, 'GET', '', { token: stranger }), 404, 'unknown-event');
    const [buyer] = await buyers(1);
    expectProblem(await ask(sale, 'GET', '', { token: buyer }), 403, 'forbidden');
  });
});
