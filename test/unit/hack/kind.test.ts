/** hack/kind.sh, as far as it can be read without a container engine. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { samples, samplesForLater } from '../../../hack/demo/samples.ts';

/** Number of the sample with an image that is downloaded from the internet. */
const DOWNLOADS = '23';
const script = readFileSync('hack/kind.sh', 'utf8');

test('the script is one that bash can read', () => {
  expect(() => execFileSync('bash', ['-n', 'hack/kind.sh'], { stdio: 'pipe' })).not.toThrow();
});

test('it leaves out the samples that the demo leaves out, those that it has applied before, and what is on the internet', async () => {
  const [, list = ''] = /case \$file in (.*?)\) ;;/.exec(script) ?? [];
  const leftOut = [...list.matchAll(/\*(\d\d)-\*/g)].map(([, number]) => number);
  const before = [...script.matchAll(/^sample deploy\/samples\/(\d\d)-/gm)].map(([, number]) => number);
  const later = (await samplesForLater()).map((file) => file.slice(0, 2));
  expect(leftOut.toSorted()).toEqual([...before, ...later, DOWNLOADS].toSorted());
});

test('it changes each endpoint of the samples to that of its server', async () => {
  const [, address] = /s#(\S+?)#\$endpoint#/.exec(script) ?? [];
  expect(address).toBeDefined();
  const texts = (await samples({ endpoint: 'https://there' })).map(({ text }) => text).join('\n');
  expect(texts).not.toContain(address);
  expect(texts).toContain('https://there');
});

test('it names files that exist', () => {
  const named = [...script.matchAll(/(?:hack|deploy)\/[\w./-]*[\w]/g)].map(([path]) => path);
  expect(named.length).toBeGreaterThan(4);
  for (const path of named) expect([path, existsSync(path)]).toEqual([path, true]);
});
