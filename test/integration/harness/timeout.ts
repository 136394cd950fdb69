import { jest } from '@jest/globals';

// A real API server on a busy machine is slow at times; a test that hangs should still end.
jest.setTimeout(600_000);
