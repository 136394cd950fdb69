import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** A file is held to what its first comment says of it. */
const saysPure = (file) => /^\/\*\*(?:(?!\*\/)[\s\S])*\bPure\b/.test(readFileSync(file, 'utf8'));

const pureFiles = [
  ...globSync('{src,controllers}/**/*.ts', { cwd: import.meta.dirname }).filter((file) =>
    saysPure(join(import.meta.dirname, file)),
  ),
  'controllers/*/plan/rules/*.ts',
  'src/cloudinit/*.ts',
];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'coverage/**',
      'node_modules/**',
      'hack/site/**',
      'crds/**',
      '.dependency-cruiser.cjs',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      complexity: ['error', { max: 12, variant: 'modified' }],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // Data enters through zod and is typed from there: a cast would hide what was never checked.
    files: ['src/**/*.ts', 'controllers/**/*.ts'],
    ignores: ['src/lib/units.ts'],
    rules: {
      '@typescript-eslint/consistent-type-assertions': ['error', { assertionStyle: 'never' }],
      'no-restricted-globals': ['error', 'fetch'],
    },
  },
  {
    files: ['src/**/*.ts', 'controllers/**/*.ts'],
    ignores: ['src/cmd/**', 'src/cli/main.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only src/cmd and src/cli/main.ts read the environment.',
        },
      ],
    },
  },
  {
    // Decisions are pure: no clock, no chance, no waiting, no throwing.
    files: pureFiles,
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'AwaitExpression', message: 'This file is pure.' },
        { selector: 'ThrowStatement', message: 'This file is pure: return a reason.' },
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: 'Time is an input.' },
        {
          selector: 'CallExpression[callee.object.name="Date"][callee.property.name="now"]',
          message: 'Time is an input.',
        },
        {
          selector: 'CallExpression[callee.object.name="Math"][callee.property.name="random"]',
          message: 'Chance is an input.',
        },
      ],
      'no-restricted-globals': ['error', 'process', 'fetch', 'setTimeout', 'setInterval'],
    },
  },
  {
    files: ['test/**/*.ts', 'hack/**/*.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-params': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    ignores: ['test/builders/fast-check.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { name: 'fast-check', message: 'test/builders/fast-check.ts draws the same values in each run.' },
      ],
    },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  { files: ['**/*.js', '**/*.mjs'], languageOptions: { globals: { process: 'readonly' } } },
);
