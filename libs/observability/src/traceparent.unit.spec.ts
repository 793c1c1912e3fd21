import fastify from 'fastify';
import { currentTraceparent, followTraceparent, withTraceparent } from './traceparent';

const TRACE = 'a1'.repeat(16);
const INCOMING = `00-${TRACE}-${'b2'.repeat(8)}-00`;

describe('traceparent', () => {
  it('keeps the trace and its flags under a span of its own, across awaits', async () => {
    const seen = await withTraceparent(INCOMING, async () => {
      await Promise.resolve();
      return currentTraceparent();
    });
    expect(seen).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(seen).not.toBe(INCOMING);
    expect(currentTraceparent()).toBeUndefined();
  });

  it.each([undefined, 'junk', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, `ff-${TRACE}-${'b'.repeat(16)}-01`])(
    'starts a new trace when the header is %j',
    (incoming) => {
      const seen = withTraceparent(incoming, currentTraceparent);
      expect(seen).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(seen).not.toContain('0'.repeat(32));
    },
  );

  it('reaches the handlers of a server', async () => {
    const server = fastify();
    followTraceparent(server);
    server.get('/', async () => {
      await Promise.resolve();
      return { traceparent: currentTraceparent() };
    });
    const answer = await server.inject({ url: '/', headers: { traceparent: INCOMING } });
    expect(answer.json<{ traceparent: string }>().traceparent).toContain(TRACE);
    await server.close();
  });
});
