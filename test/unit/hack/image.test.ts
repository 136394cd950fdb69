import { globSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

test('the image has every file of the bundled operator, also those of its worker threads', () => {
  const sources = globSync('hack/*.ts').map((file) => readFileSync(file, 'utf8'));
  const bundles = sources.flatMap((text) =>
    [...text.matchAll(/(?:out|behind): '(virtrigaud-[\w.-]+)'/g)].map(([, name]) => name),
  );
  expect(bundles).toEqual([
    'virtrigaud-proxmox.mjs',
    'virtrigaud-proxmox-main.mjs',
    'virtrigaud-proxmox-worker.mjs',
    'virtrigaud-proxmox-decompress.mjs',
  ]);
  const image = readFileSync('Dockerfile', 'utf8');
  for (const name of bundles) expect(image).toContain(`COPY --from=build /build/dist/${name} `);
});
