import dns from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from '@holdfast/testing';
import { whyNobodyAnswers } from './silence';

describe('the suite finds out first', () => {
  it('that somebody answers, whatever it is', async () => {
    const server = createServer((_, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(await whyNobodyAnswers(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).toBeUndefined();
    server.close();
  });

  it('why nobody does', async () => {
    expect(await whyNobodyAnswers(`http://127.0.0.1:${await freePort()}`)).toMatch(/ECONNREFUSED/);
  });

  it('why nobody does at a name with several addresses', async () => {
    const both = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ];
    const lookup = jest.spyOn(dns, 'lookup') as jest.SpyInstance;
    lookup.mockImplementation((_name, _options, answer: (error: null, all: object[]) => void) => answer(null, both));
    expect(await whyNobodyAnswers(`http://gateway.invalid:${await freePort()}`)).toBe('ECONNREFUSED');
    lookup.mockRestore();
  });
});
