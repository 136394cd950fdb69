/** Accepts the public API as it is now: writes test/golden/api. Run on purpose, and say why in the commit. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { goldenFiles } from './api-surface.ts';

const root = join(import.meta.dirname, '../..');
for (const [path, content] of goldenFiles()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  console.log(`wrote ${path}`);
}
