import { Destinations, isNetwork } from './destination';
import type { Resolve } from './name-look-up';

const WITHIN_MS = 1_000;
/** What becomes of an address when every name leads to `addresses`. */
async function outcomeOf(url: string, addresses: string[] = [], allowedNetworks: string[] = []): Promise<string> {
  const destinations = new Destinations(allowedNetworks, () => Promise.resolve(addresses));
  const checked = await destinations.check(url, WITHIN_MS);
  return checked.outcome === 'allowed' ? 'allowed' : `${checked.outcome}: ${checked.reason}`;
}

const NOT_PUBLIC = 'not-allowed: must lead to public addresses only';

const notPublic: [kind: string, address: string][] = [
  ['this machine', '127.0.0.1'],
  ['this machine, any of its block', '127.255.3.4'],
  ['private 10/8', '10.1.2.3'],
  ['private 172.16/12', '172.31.255.255'],
  ['private 192.168/16', '192.168.0.1'],
  ['shared (CGNAT)', '100.64.0.1'],
  ["Alibaba's metadata, in the shared range", '100.100.100.200'],
  ['link-local', '169.254.1.1'],
  ["the clouds' metadata", '169.254.169.254'],
  ["Azure's platform, a public number", '168.63.129.16'],
  ["Oracle's metadata", '192.0.0.192'],
  ['unspecified', '0.0.0.0'],
  ['of this network', '0.1.2.3'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['documentation', '203.0.113.7'],
  ['benchmarks', '198.18.0.1'],
  ['6to4 relays', '192.88.99.1'],
  ['IPv6 loopback', '::1'],
  ['IPv6 unspecified', '::'],
  ['IPv6 unique local', 'fd12:3456::1'],
  ["Amazon's metadata over IPv6", 'fd00:ec2::254'],
  ['IPv6 link-local', 'fe80::1'],
  ['IPv6 link-local with a zone', 'fe80::1%1'],
  ['IPv6 site-local', 'fec0::1'],
  ['IPv6 multicast', 'ff02::1'],
  ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
  ['IPv4-mapped private, in hexadecimal', '::ffff:a00:1'],
  ['IPv4-mapped metadata', '::ffff:169.254.169.254'],
  ['IPv4-compatible loopback', '::7f00:1'],
  ['IPv4-translated (NAT64)', '64:ff9b::7f00:1'],
  ['IPv4-translated, local use', '64:ff9b:1::a00:1'],
  ['6to4 of a private address', '2002:a00:1::1'],
  ['Teredo', '2001::1'],
  ['IPv6 documentation', '2001:db8::1'],
  ['IPv6 discard', '100::1'],
  ['IPv6 that nobody was given', '4000::1'],
];

describe('a destination', () => {
  it.each(notPublic)('%s (%s) is refused, written out and behind a name', async (_kind, address) => {
    expect(await outcomeOf('https://hooks.example.com/', [address])).toBe(NOT_PUBLIC);
    if (address.includes('%')) return;
    const host = address.includes(':') ? `[${address}]` : address;
    expect(await outcomeOf(`https://${host}/`)).toBe(NOT_PUBLIC);
  });

  it('is refused when only one of the addresses of its name is not public', async () => {
    expect(await outcomeOf('https://hooks.example.com/', ['93.184.216.34', '10.0.0.1'])).toBe(NOT_PUBLIC);
    expect(await outcomeOf('https://hooks.example.com/', ['2606:4700::1111', '::1'])).toBe(NOT_PUBLIC);
  });

  it.each(['https://2130706433/', 'https://0x7f.1/', 'https://017700000001/', 'https://127.1/', 'https://①②⑦.0.0.1/'])(
    'is refused however this machine is written: %s',
    async (url) => expect(await outcomeOf(url)).toBe(NOT_PUBLIC),
  );

  it('is refused where the name of this machine leads to it', async () => {
    expect(await new Destinations([]).check('https://localhost/', WITHIN_MS)).toMatchObject({ outcome: 'not-allowed' });
  });

  it('is allowed where everything is public, and keeps the addresses that were checked', async () => {
    const destinations = new Destinations([], () => Promise.resolve(['93.184.216.34', '2606:4700::1111']));
    const checked = await destinations.check('https://hooks.example.com:8443/in?token=1', WITHIN_MS);
    expect(checked).toMatchObject({
      outcome: 'allowed',
      destination: {
        addresses: [
          { address: '93.184.216.34', family: 4 },
          { address: '2606:4700::1111', family: 6 },
        ],
      },
    });
    expect(await outcomeOf('https://93.184.216.34/')).toBe('allowed');
  });

  it.each([
    ['ftp://hooks.example.com/', 'not-allowed: must begin with https://'],
    ['file:///etc/passwd', 'not-allowed: must begin with https://'],
    ['javascript:alert(1)', 'not-allowed: must begin with https://'],
    ['http://hooks.example.com/', 'not-allowed: must begin with https://'],
    ['https://me:secret@hooks.example.com/', 'not-allowed: must not carry credentials'],
    ['https://me@hooks.example.com/', 'not-allowed: must not carry credentials'],
    ['https://hooks.example.com/#part', 'not-allowed: must not have a fragment'],
    ['https://hooks.example.com:22/', 'not-allowed: must have port 443 or one from 1024 up'],
    ['https://hooks.example.com:25/', 'not-allowed: must have port 443 or one from 1024 up'],
    ['/hooks', 'not-allowed: must be an absolute address'],
    ['https://', 'not-allowed: must be an absolute address'],
    ['https://[::1', 'not-allowed: must be an absolute address'],
  ])('%s: %s', async (url, outcome) => expect(await outcomeOf(url, ['93.184.216.34'])).toBe(outcome));

  it('is not resolved where its name leads nowhere', async () => {
    const unresolved = 'unresolved: must have a name that leads to an address';
    expect(await outcomeOf('https://nowhere.example.com/')).toBe(unresolved);
  });

  it('is not resolved where its name takes longer than it may', async () => {
    const resolve: Resolve = (_name, signal) =>
      new Promise((answer) => signal.addEventListener('abort', () => answer([]), { once: true }));
    const slow = new Destinations([], resolve);
    expect(await slow.check('https://slow.example.com/', 1)).toMatchObject({ outcome: 'unresolved' });
  });

  it('may lie in a network that is allowed: there with any port, and by plain http', async () => {
    const networks = ['127.0.0.0/8', 'fd00::/8'];
    expect(await outcomeOf('http://127.0.0.1:80/', [], networks)).toBe('allowed');
    expect(await outcomeOf('http://hooks.internal:25/', ['fd00::1', '127.0.0.1'], networks)).toBe('allowed');
    expect(await outcomeOf('http://10.0.0.1/', [], networks)).toBe(NOT_PUBLIC);
    expect(await outcomeOf('https://[::ffff:127.0.0.1]/', [], networks)).toBe('allowed');
    // One foot outside: the rules for everybody.
    expect(await outcomeOf('http://mixed.example.com/', ['127.0.0.1', '93.184.216.34'], networks)).toBe(
      'not-allowed: must begin with https://',
    );
  });
});

it('a network is a CIDR range', () => {
  expect(['10.0.0.0/8', '::1/128'].map(isNetwork)).toEqual([true, true]);
  expect(['10.0.0.1', '10.0.0.0/33', 'localhost', '', 5].map(isNetwork)).toEqual([false, false, false, false, false]);
});
