import { homedir } from 'node:os';
import { join } from 'node:path';

const shared = {
  testEnvironment: '<rootDir>/test/environment.ts',
  extensionsToTreatAsEsm: ['.ts'],
  // The first that matches.
  transform: {
    '\\.test\\.ts$': '<rootDir>/test/bundling/transformer.ts',
    '\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' } },
    ],
  },
  // Outside the checkout: a fresh clone on the same machine starts warm.
  cacheDirectory: join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'virtrigaud-proxmox', 'jest'),
};

export default {
  testSequencer: '<rootDir>/test/sequencer.ts',
  projects: [
    {
      ...shared,
      // The folder of its cache: by default it would be another for each checkout.
      id: 'unit',
      displayName: 'unit',
      testMatch: ['<rootDir>/test/unit/**/*.test.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/unit/timeout.ts'],
    },
    {
      ...shared,
      id: 'integration',
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/integration/harness/timeout.ts'],
      globalSetup: '<rootDir>/test/integration/harness/global-setup.ts',
      globalTeardown: '<rootDir>/test/integration/harness/global-teardown.ts',
    },
  ],
};
