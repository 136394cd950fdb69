/**
 * Jest's environment for Node, with workers that compile modules once and end quickly. A worker whose event loop is
 * empty would still take half a second to free its heap, and jest kills it after that time and reports a leak. One that
 * really leaks a timer or a socket is still reported: its event loop is never empty.
 */
import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';
import { compileOnce } from './bundling/compile-once.ts';

Object.assign(vm, { compileFunction: compileOnce });

/** Only a worker has a channel to its parent. */
if (process.send) process.once('beforeExit', () => process.exit());

export default TestEnvironment;
