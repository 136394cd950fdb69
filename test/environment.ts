/**
 * Jest's environment for Node, with workers that end quickly. A worker whose event loop is empty would still take half
 * a second to free its heap, and jest kills it after that time and reports a leak. One that really leaks a timer or a
 * socket is still reported: its event loop is never empty.
 */
import { TestEnvironment } from 'jest-environment-node';

/** Only a worker has a channel to its parent. */
if (process.send) process.once('beforeExit', () => process.exit());

export default TestEnvironment;
