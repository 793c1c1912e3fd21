import { Worker } from 'node:worker_threads';
import { EventImports, IMPORT_BYTES_IN_HAND } from './event-imports';
import {
  plan,
  serviceUnderTest,
  theatre,
  type Body,
  type Caller,
  type ServiceUnderTest,
} from './spec/service-under-test';

// Only the thread of the imports may read a plan: it loads the real module, and this one is that of the thread under test.
jest.mock('./new-event', () => ({
  readNewEvent: () => {
    throw new Error('a plan is read where buyers wait for their answers');
  },
}));

const LARGE_BYTES = 1024 * 1024;

describe('the import of events', () => {
  let service: ServiceUnderTest;
  let olga: Caller;

  beforeAll(async () => {
    service = await serviceUnderTest();
    olga = await service.caller('olga', 'organiser');
  });

  afterEach(() => jest.restoreAllMocks());
  afterAll(() => service.close());

  it('parses and checks nothing in the thread that answers buyers', async () => {
    const parse = jest.spyOn(JSON, 'parse');
    const body = theatre({}, { plan: { ...plan('little-theatre'), notes: 'x'.repeat(LARGE_BYTES) } });
    expect(await olga('POST', '/v1/events', { body })).toMatchObject({ status: 201, body: { seatCount: 68 } });
    expect(parse.mock.calls.filter(([text]) => text.length > LARGE_BYTES)).toEqual([]);
  });

  it('makes one event of a request that is sent twice at once', async () => {
    const body = theatre();
    const create = () => olga('POST', '/v1/events', { body, key: 'twice' });
    const [first, second] = await Promise.all([create(), create()]);
    expect(first).toMatchObject({ status: 201 });
    expect(second).toMatchObject({ status: 201, body: first.body });
  });

  it('answers a body without a plan, and none at all, as it answers any fault', async () => {
    for (const body of ['[]', '', undefined]) {
      expect(await olga('POST', '/v1/events', { body })).toMatchObject({
        status: 422,
        body: {
          code: 'validation-failed',
          errors: expect.arrayContaining([{ path: 'name', message: expect.any(String) as string }]) as Body[],
        },
      });
    }
  });

  it('goes on in another thread when one runs out of memory', async () => {
    await olga('POST', '/v1/events', { body: theatre() });
    jest.spyOn(Worker.prototype, 'postMessage').mockImplementationOnce(function (this: Worker) {
      setImmediate(() => {
        this.emit('error', Object.assign(new Error(), { code: 'ERR_WORKER_OUT_OF_MEMORY' }));
        void this.terminate();
      });
    });
    const [refused, made] = await Promise.all([
      olga('POST', '/v1/events', { body: theatre() }),
      olga('POST', '/v1/events', { body: theatre() }),
    ]);
    expect([refused.status, made.status].sort()).toEqual([201, 413]);
  });

  it('hands out a layout of several parts whole', async () => {
    const file = plan('little-theatre') as { zones: { areas: Body[] }[] };
    // Of which every second part would begin, or end, within a character.
    const text = `${'ä€😀'.repeat(100_000)}x${'😀'.repeat(200_000)}`;
    file.zones[0]!.areas = [{ shape: 'text', text }];
    const created = await olga('POST', '/v1/events', { body: theatre({}, { plan: file }) });
    const { status, body } = await olga('GET', `/v1/events/${String(created.body.eventId)}/layout`);
    expect(status).toBe(200);
    expect((body.zones as typeof file.zones)[0]?.areas[0]?.text === text).toBe(true);
  });
});

describe('imports that wait', () => {
  const { max, perCallerMax } = IMPORT_BYTES_IN_HAND;

  it('are refused beyond the bound of their organiser, or of all, and taken again when there is room', async () => {
    const imports = new EventImports({ postgresUrl: 'postgres://nobody@127.0.0.1:1/none' });
    const create = (organiserId: string, bytes: number) =>
      imports.create({ organiserId, key: 'k', bytes: Buffer.alloc(bytes) });
    try {
      const first = create('olga', perCallerMax);
      await expect(create('olga', 1)).rejects.toMatchObject({ code: 'overloaded' });
      const second = create('otto', max - perCallerMax);
      await expect(create('oona', 1)).rejects.toMatchObject({ code: 'overloaded' });
      await expect(first).rejects.toMatchObject({ code: 'malformed-json' });
      await expect(second).rejects.toMatchObject({ code: 'malformed-json' });
      await expect(create('olga', 1)).rejects.toMatchObject({ code: 'malformed-json' });
    } finally {
      await imports.close();
    }
  });
});
