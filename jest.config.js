/** One configuration for every project. The file name tells the cost: .unit.spec (no server), .int.spec (real servers), .e2e.spec (the running system). */
const esmOnly = ['jose', 'uuid', 'lru-cache', 'cockatiel'];

const base = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform: {
    '^.+\\.[jt]s$': [
      '@swc/jest',
      {
        sourceMaps: 'inline',
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'commonjs' },
      },
    ],
  },
  transformIgnorePatterns: [`/node_modules/(?!(${esmOnly.join('|')})/)`],
  moduleNameMapper: {
    '^@holdfast/(.*)$': [
      '<rootDir>/libs/$1/src/index.ts',
      '<rootDir>/services/$1/src/index.ts',
      '<rootDir>/infra/$1/src/index.ts',
    ],
  },
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/.local/', '<rootDir>/.nx/'],
};

const kind = (name, extra = {}) => ({
  ...base,
  ...extra,
  displayName: name,
  testMatch: [`<rootDir>/{libs,services,infra}/**/src/**/*.${name}.spec.ts`],
});

/** Servers named by the environment, else containers, else private instances. */
const realServers = {
  globalSetup: '<rootDir>/libs/testing/src/provide-servers.ts',
  globalTeardown: '<rootDir>/libs/testing/src/stop-servers.ts',
};

module.exports = {
  projects: [kind('unit'), kind('int', realServers), kind('e2e')],
  // Real servers start and stop inside hooks; a hung one still fails.
  testTimeout: 60_000,
};
