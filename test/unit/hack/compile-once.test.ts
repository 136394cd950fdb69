/** What jest compiles once in a worker behaves as if each test file had compiled it. */
import { expect, test } from '@jest/globals';
import { createContext } from 'node:vm';
import { compileOnce } from '../../bundling/compile-once.ts';

type Compiled = (...args: unknown[]) => unknown;
const compile = (code: string, context = createContext(), filename = '/a.cjs'): Compiled =>
  compileOnce(code, ['module', 'require'], { filename, parsingContext: context }) as Compiled;

test('a module has the globals of the context that it is compiled for', () => {
  const [one, two] = [createContext({ name: 'one' }), createContext({ name: 'two' })];
  expect(compile('return name', one)()).toBe('one');
  expect(compile('return name', two)()).toBe('two');
  expect(compile('return Array', one)()).not.toBe(compile('return Array', two)());
});

test('what a module keeps in one context is not there in another', () => {
  const counter = 'globalThis.count = (globalThis.count ?? 0) + 1; return count';
  expect(compile(counter)()).toBe(1);
  expect(compile(counter)()).toBe(1);
});

test('a module gets its parameters, also where it ends with a comment', () => {
  expect(compile('return [module, require] // the end')('a', 'b')).toEqual(['a', 'b']);
});

test('the text that a file has now is compiled, not the one that it had', () => {
  const context = createContext();
  expect(compile('return 1', context)()).toBe(1);
  expect(compile('return 2', context)()).toBe(2);
  expect(compile('return 1', context)()).toBe(1);
});

test('an error names the file, with the line and the column in it', () => {
  const failing = compile("throw new Error('no')", createContext({ Error }), '/there/b.cjs');
  expect(() => failing()).toThrow(
    expect.objectContaining({ stack: expect.stringContaining('/there/b.cjs:1:7') }),
  );
});

test('a syntax error is thrown when the module is compiled', () => {
  expect(() => compile('return (')).toThrow('Unexpected token');
});
