/** What somebody who has just started the system wants to see: addresses, tokens, and a first walk. */
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

A short tour, in another terminal
  export URL=${url} EVENT=${eventId}
  export TOKEN=${tokens.buyer}
  # two seats that are free
  curl -s $URL/v1/events/$EVENT
  SEATS=$(curl -s $URL/v1/events/$EVENT/layout | grep -o '"seatId":"[^"]*"' | head -2 | cut -d'"' -f4 | sed 's/.*/"&"/' | paste -sd,)
  # hold them
  curl -s -X POST $URL/v1/events/$EVENT/holds -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s)-hold" \\
    -H 'Content-Type: application/json' -d "{\\"seats\\":[$SEATS]}" | tee /tmp/hold.json
  # pay before expiresAt
  HOLD=$(sed 's/.*"holdId":"\\([^"]*\\)".*/\\1/' /tmp/hold.json)
  curl -s -X POST $URL/v1/payments -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(date +%s)-pay" \\
    -H 'Content-Type: application/json' -d "{\\"eventId\\":\\"$EVENT\\",\\"holdId\\":\\"$HOLD\\",\\"paymentMethod\\":\\"pm_card_visa\\"}"

Ctrl-C stops everything that was started here.
`;
}
