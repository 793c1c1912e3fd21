/** What somebody who has just started the system wants to see: addresses, tokens, and where to begin. */
export function tour({ url, services, tokens, eventId, servers }) {
  const width = Math.max(...Object.keys(services).map((name) => name.length));
  const addresses = Object.entries(services).map(([name, address]) => `  ${name.padEnd(width)}  ${address}`);
  return `
Addresses
${addresses.join('\n')}
  ${'docs'.padEnd(width)}  ${url}/docs, ${url}/docs/payments and ${url}/docs/webhooks
  ${'Postgres'.padEnd(width)}  ${servers.postgresUrl}
  logs are in .local/logs, one file each

Development tokens (30 days, also in .local/state.json)
  organiser  ${tokens.organiser}
  buyer      ${tokens.buyer}

What is on sale, and how many seats are left
  curl ${url}/v1/events/${eventId}
The README's short tour holds two of them and pays, in another terminal.

Ctrl-C stops everything that was started here.
`;
}
