/** The file that starts the bundled operator is read by every Node, however old. */
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { guardOf } from '../../../hack/programs.ts';

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
const [major = 0, minor = 0] = engines.node.replace('>=', '').split('.').map(Number);

/** What it says where this version of Node runs it; undefined: it starts the bundle. */
function saidBy(version: string): string | undefined {
  const said: string[] = [];
  const ended = new Error('exit');
  const process = {
    version: `v${version}`,
    versions: { node: version },
    exit(code: number) {
      expect(code).toBe(1);
      throw ended;
    },
  };
  const started = guardOf('bundle.mjs').replace("import('./bundle.mjs')", 'start()');
  let starts = 0;
  try {
    const console = { error: (line: string) => said.push(line) };
    runInNewContext(started, { process, console, start: () => (starts += 1) });
  } catch (error) {
    if (error !== ended) throw error;
  }
  expect(starts).toBe(said.length === 0 ? 1 : 0);
  return said[0];
}

describe('the guard of the bundle', () => {
  test.each([`${major}.${minor}.0`, `${major}.${minor + 1}.3`, `${major + 1}.0.0`, `${major + 2}.1.0`])(
    'starts it with Node %s',
    (version) => expect(saidBy(version)).toBeUndefined(),
  );

  test.each(['4.9.1', '18.20.8', `${major - 1}.99.0`, `${major}.${minor - 1}.9`])(
    'says with Node %s which version is needed',
    (version) => {
      expect(saidBy(version)).toContain(
        `Node.js ${major}.${minor} or newer is needed, and this is v${version}`,
      );
    },
  );
});
