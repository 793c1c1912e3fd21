import { setImmediate as nextTurn } from 'node:timers/promises';
import { ServerConfig } from './http-config';
import { runService } from './run-service';

describe('the main of a service', () => {
  const said = jest.spyOn(console, 'error').mockImplementation();
  const exit = jest.spyOn(process, 'exit').mockImplementation();

  afterEach(() => {
    delete process.env.HOLDFAST_HTTP_PORT;
    jest.clearAllMocks();
  });
  afterAll(() => jest.restoreAllMocks());

  it('names a setting that is wrong, without its value or a stack trace, and ends with status 1', async () => {
    process.env.HOLDFAST_HTTP_PORT = 'secret';
    runService(ServerConfig, () => {
      throw new Error('the service was made');
    });
    await nextTurn();
    expect(said.mock.calls).toEqual([
      [expect.stringMatching(/^Configuration is not valid:\n {2}- HOLDFAST_HTTP_PORT: /)],
    ]);
    expect(said.mock.calls[0]?.[0]).not.toContain('secret');
    expect(exit).toHaveBeenCalledWith(1);
  });

  it('shows a fault of ours with its stack', async () => {
    const fault = new Error('a fault');
    runService(ServerConfig, () => {
      throw fault;
    });
    await nextTurn();
    expect(said.mock.calls).toEqual([[fault]]);
    expect(exit).toHaveBeenCalledWith(1);
  });
});
