/**
 * CPU time of the event loop for the largest that tenants can write: `node test/performance/tenants.ts`. Run it on a quiet
 * machine. Nothing else asserts how long that takes; the tests count what is looked into.
 */
import { isDeepStrictEqual } from 'node:util';
import { digestsOf } from '../../controllers/virtualmachine/cloud-init/delivered-digests.ts';
import { dataProblem } from '../../controllers/virtualmachine/cloud-init/validate.ts';
import { readText, textsOf, type Documents } from '../../src/cloudinit/documents.ts';
import { VirtualMachine } from '../../src/api/index.ts';
import { parserOf } from '../../src/kube/parse.ts';
import { digestWith } from '../../src/lib/hash.ts';
import { MiB } from '../../src/lib/units.ts';

const RUNS = 5;

/** The least of some runs, in ms. */
function measure(what: string, run: () => unknown): void {
  const times = Array.from({ length: RUNS }, () => {
    const before = process.threadCpuUsage();
    run();
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1000;
  });
  process.stdout.write(
    `${Math.min(...times)
      .toFixed(1)
      .padStart(8)} ms  ${what}\n`,
  );
}

const repeat = (text: string, length = MiB): string =>
  text.repeat(Math.ceil(length / text.length)).slice(0, length);
const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, '']));

const digest = digestWith(new Uint8Array(32));
for (const [what, userData] of Object.entries({
  'blank lines': repeat('\n'),
  'document starts': `#cloud-config\n${repeat('---\n')}`,
  comments: repeat('#\n'),
  'JSON of deep nesting': `{"ignition":${repeat('[', MiB / 2)}${repeat(']', MiB / 2)}}`,
  'a script': `#!/bin/sh\n${repeat('echo\n')}`,
})) {
  const cloudInit = { userData, networkData: userData, sshKeys: [] };
  const documents = textsOf(cloudInit).reduce<Documents>((all, text) => ({ ...all, ...readText(text) }), {});
  const owner = { cluster: 'c', namespace: 'n', name: 'web', uid: 'u' };
  measure(`a pass over 1 MiB of ${what}`, () => {
    const want = { owner, name: 'web', cloudInit: { ...cloudInit, documents }, nics: [] };
    digestsOf(want, digest);
    return dataProblem(want, [{ ostype: 'l26' }, { ostype: 'win11' }]);
  });
}

const parse = parserOf(VirtualMachine);
for (const [what, metadata] of Object.entries({
  'nothing more': {},
  '100,000 labels': { labels: members(100_000) },
  '25,000 annotations': { annotations: members(25_000) },
  '100,000 finalizers': { finalizers: Object.keys(members(100_000)) },
})) {
  const spec = { providerRef: { name: 'p' }, classRef: { name: 'c' }, imageRef: { name: 'i' } };
  const raw = { metadata: { name: 'a', namespace: 'b', uid: 'u', resourceVersion: '1', ...metadata }, spec };
  const text = JSON.stringify(raw);
  measure(`JSON of a VM with ${what}`, () => JSON.parse(text) as unknown);
  measure(`an event of a VM with ${what}`, () => isDeepStrictEqual(parse(raw).metadata, parse(raw).metadata));
}
