import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Only these libs may import these drivers: everything else goes through them. */
const driverOwners = { amqplib: 'libs/broker', pg: 'libs/postgres', ioredis: 'libs/redis' };
const onlyDriversOf = (lib) =>
  Object.entries(driverOwners)
    .filter(([, owner]) => owner !== lib)
    .map(([name, owner]) => ({ name, message: `Only ${owner} imports ${name}.` }));

const platform = ['layer:platform'];

/**
 * Who may depend on whom. Dependencies point one way; no service imports another.
 *
 * @param ofSpecs tags that only specs may depend on
 */
const boundaries = ({ ofSpecs = [] } = {}) => [
  'error',
  {
    enforceBuildableLibDependency: false,
    // The local start is plain JavaScript outside every project, because it runs before anything is installed.
    allow: ['../../local/system.mjs'],
    // The helpers of tests open databases, and the specs of these libs use the helpers.
    ignoredCircularDependencies: ['postgres', 'redis', 'broker'].map((name) => [
      `@holdfast/${name}`,
      '@holdfast/testing',
    ]),
    depConstraints: [
      { sourceTag: 'layer:platform', onlyDependOnLibsWithTags: [...platform, ...ofSpecs] },
      { sourceTag: 'layer:contracts', onlyDependOnLibsWithTags: [...platform, 'layer:contracts', ...ofSpecs] },
      {
        sourceTag: 'layer:edge',
        onlyDependOnLibsWithTags: [...platform, 'layer:contracts', 'layer:edge', ...ofSpecs],
      },
      { sourceTag: 'layer:domain', onlyDependOnLibsWithTags: [...platform, 'layer:contracts', ...ofSpecs] },
      {
        sourceTag: 'layer:service',
        onlyDependOnLibsWithTags: [...platform, 'layer:contracts', 'layer:edge', 'layer:domain', ...ofSpecs],
      },
      { sourceTag: 'layer:testing', onlyDependOnLibsWithTags: [...platform] },
      { sourceTag: 'layer:infra', onlyDependOnLibsWithTags: ['*'] },
    ],
  },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.local/**', '.nx/**', 'coverage/**'] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { project: ['./tsconfig.eslint.json'], tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@nx': nx },
    rules: {
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'off',
      eqeqeq: 'error',
      'no-restricted-imports': ['error', { paths: onlyDriversOf(undefined) }],
      '@nx/enforce-module-boundaries': boundaries(),
    },
  },
  ...Object.values(driverOwners).map((lib) => ({
    files: [`${lib}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { paths: onlyDriversOf(lib) }] },
  })),
  {
    files: ['**/*.spec.ts', 'libs/testing/**/*.ts', 'infra/**/*.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    // Only specs and what stands beside them for their use import the helpers of tests.
    files: ['**/*.spec.ts', '**/src/spec/**/*.ts'],
    rules: { '@nx/enforce-module-boundaries': boundaries({ ofSpecs: ['layer:testing'] }) },
  },
  {
    // Payments are tested against the sandbox provider, which no service may import.
    files: ['services/**/*.spec.ts'],
    rules: { '@nx/enforce-module-boundaries': boundaries({ ofSpecs: ['layer:testing', 'scope:sandbox-provider'] }) },
  },
  prettier,
);
