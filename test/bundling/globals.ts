/**
 * Gives code its own names for the globals of the language. In the context that jest makes for a test file, V8 asks
 * Node for a global each time it is named: `Object.keys` takes forty times as long as elsewhere.
 */
import { runInNewContext } from 'node:vm';
import type { Plugin } from 'esbuild';

/** Those that every context has of its own. The rest are no look-up, or not of the language. */
const NAMES = (runInNewContext('Object.getOwnPropertyNames(globalThis)') as readonly string[]).filter(
  (name) => !['globalThis', 'undefined', 'NaN', 'Infinity', 'eval', 'console'].includes(name),
);

/** As parameters of a function that is called with `globalThis`. */
export const GLOBALS_AS_PARAMETERS = `{ ${NAMES.join(', ')} }`;

/** For `inject` of esbuild, together with the plugin. */
export const GLOBALS = 'globals:of the language';

export const ownGlobals: Plugin = {
  name: 'own globals',
  setup(hooks) {
    hooks.onResolve({ filter: /^globals:/ }, ({ path }) => ({ path, namespace: 'globals' }));
    hooks.onLoad({ filter: /.*/, namespace: 'globals' }, () => ({
      contents: NAMES.map((name) => `export const ${name} = globalThis.${name};`).join('\n'),
    }));
  },
};
