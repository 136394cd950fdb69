/** No test asserts how long something takes: the limit only ends what hangs, also on a machine with other work. */
import { jest } from '@jest/globals';

jest.setTimeout(60_000);
