import { IsBoolean, IsInt, IsString, IsUrl, Max, Min } from 'class-validator';
import { ConfigError, envNames, fromEnv, loadConfig } from './index';

class Base {
  @fromEnv('HOLDFAST_BASE_URL')
  @IsUrl({ require_tld: false })
  baseUrl: string = 'http://localhost:1';
}

class Example extends Base {
  @fromEnv('HOLDFAST_EXAMPLE_PORT')
  @IsInt()
  @Min(1)
  @Max(65_535)
  port: number = 8080;

  @fromEnv('HOLDFAST_EXAMPLE_ON')
  @IsBoolean()
  on: boolean = false;

  @fromEnv('HOLDFAST_EXAMPLE_NAMES')
  @IsString({ each: true })
  names: string[] = ['one'];
}

it('needs nothing: defaults are the class’s own', () => {
  expect(loadConfig(Example, {})).toEqual({ baseUrl: 'http://localhost:1', port: 8080, on: false, names: ['one'] });
});

it('reads numbers, booleans and comma lists by the declared type, and counts an empty variable as not set', () => {
  const env = {
    HOLDFAST_EXAMPLE_PORT: '99',
    HOLDFAST_EXAMPLE_ON: 'true',
    HOLDFAST_BASE_URL: '',
    HOLDFAST_EXAMPLE_NAMES: 'a, b',
  };
  expect(loadConfig(Example, env)).toEqual({ baseUrl: 'http://localhost:1', port: 99, on: true, names: ['a', 'b'] });
});

it('names every variable that is wrong and never prints a value', () => {
  const env = {
    HOLDFAST_EXAMPLE_PORT: 'secret-port',
    HOLDFAST_EXAMPLE_ON: 'secret-flag',
    HOLDFAST_BASE_URL: 'secret url',
  };
  let message = '';
  try {
    loadConfig(Example, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    message = (error as Error).message;
  }
  expect(message).toMatch(/HOLDFAST_EXAMPLE_PORT/);
  expect(message).toMatch(/HOLDFAST_EXAMPLE_ON/);
  expect(message).toMatch(/HOLDFAST_BASE_URL/);
  expect(message).not.toMatch(/secret/);
});

it('knows its variables, also those inherited', () => {
  expect([...envNames(Example).values()].sort()).toEqual([
    'HOLDFAST_BASE_URL',
    'HOLDFAST_EXAMPLE_NAMES',
    'HOLDFAST_EXAMPLE_ON',
    'HOLDFAST_EXAMPLE_PORT',
  ]);
});
