import { ValidateBy } from 'class-validator';

/**
 * The property is a server's address, `SCHEME://user:password@host:port/name`. Drivers say what is wrong with one by
 * printing it, password and all, or take it for a host that is away.
 *
 * @param schemes for example `amqp`, `amqps`
 */
export function IsServerUrl(...schemes: string[]): PropertyDecorator {
  return ValidateBy({
    name: 'isServerUrl',
    validator: {
      validate: (value) => typeof value === 'string' && isUrlOf(schemes, value),
      defaultMessage: () => `it must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    },
  });
}

function isUrlOf(schemes: string[], text: string): boolean {
  const scheme = schemes.find((known) => text.startsWith(`${known}://`));
  // Postgres on a Unix socket has no host: postgres://user@/database?host=/folder
  return scheme !== undefined && URL.canParse(text.replace('@/', '@localhost/'));
}
