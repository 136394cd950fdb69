import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { bundleOf } from '../../../src/cli/diag/bundle.ts';
import { scrubber } from '../../../src/cli/diag/scrub.ts';
import { cliWorld, stored } from '../../builders/cli-call.ts';

const VERSIONS = { kubernetes: 'v1.36.3', operators: [] };

/** A password, a token, a key: nothing that a bundle has by itself. */
const secret = fc
  .tuple(fc.stringMatching(/^[A-Za-z0-9!#$%&*+./?@^_~-]{1,24}$/), fc.stringMatching(/^[A-Za-z]{4,8}$/))
  .map(([a, b]) => `Xq${a}Zw${b}`);

/** Everywhere that a user can write one. */
function objects(s: string, quoted: string) {
  const messages = { type: 'Ready', status: 'False', reason: 'CloudInitInvalid', message: quoted };
  const metadata = {
    annotations: {
      'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({
        spec: { userData: { inline: `a: ${s}` } },
      }),
      'example.com/token': s,
    },
    labels: { team: s.slice(0, 20) },
    managedFields: [{ manager: s }],
  };
  const vm = stored('VirtualMachine', 'web', {
    metadata: { name: 'web', namespace: 'team-a', uid: 'u', ...metadata },
    spec: {
      providerRef: { name: 'pve' },
      description: `password: ${s}`,
      userData: {
        cloudInit: { inline: `#cloud-config\nchpasswd: {list: "root:${s}"}\n` },
        ignition: { inline: `{"a": "${s}"}` },
      },
      metaData: { cloudInit: { inline: s } },
      networkData: { inline: `wifis: {w: {password: ${s}}}` },
      lifecycle: {
        postStart: { exec: { command: ['sh', '-c', `login --password=${s}`] } },
        preStop: { httpGet: { port: 80, path: `/?token=${s}` } },
        readinessProbe: { exec: { command: [s] } },
      },
      fieldOfTomorrow: s,
      listOfTomorrow: [s, { inner: s }],
    },
    status: {
      conditions: [messages],
      message: quoted,
      plan: [quoted],
      failure: { message: quoted },
      pendingChanges: [{ key: 'description', current: quoted }],
    },
  });
  const provider = stored('Provider', 'pve', {
    metadata: { name: 'pve', namespace: 'team-a', ...metadata },
    spec: {
      endpoint: `https://${s}.example.com`,
      runtime: { env: [{ name: 'PVE_TOKEN_SECRET', value: s }] },
      tls: { caBundle: s },
    },
    status: { version: '9.1', conditions: [messages] },
  });
  const image = stored('VMImage', 'ubuntu', {
    spec: {
      download: { url: `https://example.com/?key=${s}`, caBundle: s, headersSecretRef: { name: 'headers' } },
    },
  });
  const event = stored('Event', 'e', {
    reason: 'CloudInitInvalid',
    message: quoted,
    lastTimestamp: '2026-03-01T12:00:00Z',
  });
  return { vm, provider, image, event };
}

function bundle(s: string, quoted: string): string {
  const { vm, provider, image, event } = objects(s, quoted);
  const at = { path: 'spec.ref', namespace: 'team-a' };
  return JSON.stringify(
    bundleOf(
      {
        kind: 'VirtualMachine',
        object: vm,
        events: [event],
        related: [
          { reference: { ...at, kind: 'Provider', name: 'pve' }, object: provider, events: [event] },
          { reference: { ...at, kind: 'VMImage', name: 'ubuntu' }, object: image, events: [] },
        ],
      },
      VERSIONS,
    ),
  );
}

/** How a message may repeat it. */
const quotes = (s: string): readonly string[] => [
  `The line 2 has ${s} in it.`,
  `invalid "${s}"`,
  `root:${s}: not parsed`,
  `{"password":"${s}"}`,
  `chpasswd: {list: "root:${s}"}`,
];

describe('a bundle for a bug report', () => {
  test('has no secret that somebody wrote into a spec, also where a message quotes it', () => {
    fc.assert(
      fc.property(secret, fc.nat({ max: 4 }), (s, which) => {
        const text = bundle(s, quotes(s)[which] ?? '');
        expect(text).not.toContain(s);
        expect(text).not.toContain(Buffer.from(s).toString('base64'));
      }),
    );
  });

  test('has no eight characters of one that a message quotes in part', () => {
    fc.assert(
      fc.property(secret, fc.nat({ max: 30 }), (s, from) => {
        const cut = s.slice(Math.min(from, Math.max(0, s.length - 8)));
        expect(bundle(s, `invalid: "${cut}…`)).not.toContain(cut.slice(0, 8));
      }),
    );
  });

  test('has names, versions, conditions and events', () => {
    const text = bundle('Xq1Zwabcd', 'The image was not found.');
    for (const part of ['"name":"web"', '"name":"pve"', '"9.1"', 'v1.36.3', 'The image was not found.'])
      expect(text).toContain(part);
  });

  test('keeps messages readable where kubectl apply has stored the object in an annotation', () => {
    const spec = { providerRef: { name: 'pve' }, networks: [{ name: 'lan', bridge: 'vmbr0' }] };
    const applied = JSON.stringify({ metadata: { name: 'web' }, spec: { ...spec, description: 'The shop' } });
    const object = stored('VirtualMachine', 'web', {
      metadata: { name: 'web', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': applied } },
      spec,
      status: { message: 'No node has a bridge vmbr0. Correct networks. It is The shop.' },
    });
    const text = JSON.stringify(
      bundleOf({ kind: 'VirtualMachine', object, events: [], related: [] }, VERSIONS),
    );
    expect(text).toContain('No node has a bridge vmbr0. Correct networks. It is <removed>.');
  });

  test('names pending changes without their values, which may be from Proxmox VE', () => {
    const pendingChanges = [{ key: 'description', current: 'Xq1Zwabcd', pending: 'Xq2Zwabcd' }];
    const object = stored('VirtualMachine', 'web', { status: { pendingChanges } });
    const text = JSON.stringify(
      bundleOf({ kind: 'VirtualMachine', object, events: [], related: [] }, VERSIONS),
    );
    expect(text).toContain('"pendingChanges":[{"key":"description"}]');
  });

  test.each([
    'vcpus 2 → 4, description "Xq1Zwabcd" → "b", memory 1 → 2.',
    'vcpus 2 → 4, description (not set) → "Xq1Zwabcd".',
    'vcpus 2 → 4, description "Xq1Zwabcd… → "Xq1Zwabcd…',
  ])('has no description that a VM had in Proxmox VE: %j', (message) => {
    const object = stored('VirtualMachine', 'web', { status: { message } });
    const text = JSON.stringify(
      bundleOf({ kind: 'VirtualMachine', object, events: [], related: [] }, VERSIONS),
    );
    expect(text).toContain('"vcpus 2 → 4, description <removed>"');
  });

  test('says what cannot be read', async () => {
    const { vm } = objects('Xq1Zwabcd', '');
    const world = cliWorld([vm]);
    await world.call('diag', 'web');
    expect(world.out()).toContain('state: NotFound');
    expect(world.out()).not.toContain('Xq1Zwabcd');
  });
});

describe('words of a removed text', () => {
  const scrub = scrubber([
    'user: ann\npassword: "s3cret"',
    Buffer.from('token: abcdefghijkl').toString('base64'),
  ]);

  test.each([
    ['The password s3cret is short.', 'The<removed> <removed> is short.'],
    ['It begins with abcdefghi…', 'It begins with<removed>…'],
    ['Nothing of it is here.', 'Nothing of it is here.'],
    ['ann', 'ann'],
    ['The s3crets of userspace', 'The s3crets of userspace'],
  ])('are taken out of %j', (text, rest) => {
    expect(scrub(text)).toBe(rest);
  });
});
