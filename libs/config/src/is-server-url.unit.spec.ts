import { fromEnv, IsServerUrl, loadConfig } from './index';

class Example {
  @fromEnv('HOLDFAST_EXAMPLE_URL')
  @IsServerUrl('postgres', 'postgresql')
  url: string = 'postgres://localhost/example';
}

const load = (url: string) => loadConfig(Example, { HOLDFAST_EXAMPLE_URL: url }).url;

it.each([
  'postgres://me:secret@db.example:5432/example',
  'postgresql://127.0.0.1/example?sslmode=require',
  'postgres://me@/example?host=/var/run/postgresql',
])('takes %s', (url) => expect(load(url)).toBe(url));

it.each([
  'secret',
  'amqp://me:secret@localhost',
  'postgres:/me:secret@localhost/example',
  'postgres://me:secret@local host/example',
  'postgres://me:secret@localhost:port/example',
])('refuses %s, naming the variable and never the value', (url) => {
  expect(() => load(url)).toThrow(
    'Configuration is not valid:\n' +
      '  - HOLDFAST_EXAMPLE_URL: it must be a URL that begins with postgres:// or postgresql://',
  );
});
