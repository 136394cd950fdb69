/**
 * Lets jest compile a CommonJS module once in each worker: its own, which it loads again for every test file, and the
 * bundled packages. That is half of what a small test file costs. A script, unlike a function that `vm.compileFunction`
 * makes, can run in many contexts, and keeps what V8 compiled of it in the earlier ones.
 */
import { Script, constants, type CompileFunctionOptions } from 'node:vm';
import { GLOBALS_AS_PARAMETERS } from './globals.ts';

interface Compiled {
  readonly source: string;
  readonly script: Script;
}

const known = new Map<string, Compiled>();

/** Takes the place of `vm.compileFunction`. What the code imports dynamically is loaded by Node, not by jest. */
export function compileOnce(
  code: string,
  parameters: readonly string[] = [],
  { filename = '', parsingContext }: CompileFunctionOptions = {},
): unknown {
  const head = `(function (${GLOBALS_AS_PARAMETERS}) { return function (${parameters.join(', ')}) {`;
  const source = `${head}${code}\n} })(globalThis)`;
  const script = compiled(source, filename, head.length);
  return parsingContext ? script.runInContext(parsingContext) : script.runInThisContext();
}

function compiled(source: string, filename: string, headLength: number): Script {
  const before = known.get(filename);
  if (before?.source === source) return before.script;
  const script = new Script(source, {
    filename,
    columnOffset: -headLength,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  known.set(filename, { source, script });
  return script;
}
