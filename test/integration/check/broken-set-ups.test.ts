import { afterEach, describe, expect, test } from '@jest/globals';
import type { FakePve } from '../../fakepve/index.ts';
import { check, demoCluster, environmentOf, runOnNode, SECRET, startScene, TOKEN, USER } from './scene.ts';
import { runCheck } from '../../../src/cmd/check/check.ts';

let pve: FakePve | undefined;
const start = async (...change: Parameters<typeof startScene>): Promise<FakePve> =>
  (pve = await startScene(...change));
afterEach(async () => {
  await pve?.close();
  pve = undefined;
});

const { storages = [], roles = {}, acls = [], guests = [] } = demoCluster();
const role = (without: readonly string[]): Record<string, string[]> => ({
  VirtRigaud: (roles['VirtRigaud'] ?? []).filter((name) => !without.includes(name)),
});
const TOKEN_REFUSED = `FAIL  login       Proxmox VE does not accept the token ${TOKEN}: Authentication failed! It was removed, has expired, or has another secret. This shows the tokens there are, and until when; a lost secret takes a new token:`;

test('of a sound set-up nothing is complained about', async () => {
  const { code, complaints, text } = await check(await start());
  expect(complaints).toEqual([]);
  expect(code).toBe(0);
  expect(text).toMatch(
    new RegExp(
      [
        'ok {4}endpoint {4}https://127.0.0.1:PORT.',
        'ok {4}network {5}127.0.0.1 port PORT answers.',
        'ok {4}tls {9}The certificate of "fake PVE", signed by "fake PVE", for localhost, 127.0.0.1, [0:]+1, is trusted by the given CA.',
        `ok {4}login {7}As ${TOKEN}.`,
        'ok {4}version {5}Proxmox VE 9.[0-9.]+',
        'ok {4}quorum {6}Cluster demo is quorate.',
        'ok {4}nodes {7}pve-1, pve-2, pve-3.',
        `ok {4}privileges {2}${TOKEN} holds all that are needed.`,
        'ok {4}storage {5}For disks: local-lvm, nvme-storage, ssd-storage.',
        'ok {4}iso {9}For user-data images: cephfs, local.',
        'ok {4}bridges {5}vmbr0, vmbr1, vmbr2.',
        'ok {4}templates {3}ubuntu-22-template \\(9000\\).',
        '',
        '12 checks: 0 failed, 0 with a warning.\n',
      ].join('\n'),
    ),
  );
});

describe('what does not let us in', () => {
  test('a wrong port', async () => {
    const { code, complaints } = await check(await start(), { PVE_ENDPOINT: 'https://127.0.0.1:9' });
    expect(code).toBe(1);
    expect(complaints).toEqual([
      'FAIL  network     127.0.0.1 port 9 does not answer (connect ECONNREFUSED 127.0.0.1:9). Check host and port of the endpoint (Proxmox VE listens on 8006), firewalls and network policies.',
    ]);
  });

  test('an address without TLS', async () => {
    const fake = await start();
    const { code, complaints } = await check(fake, { PVE_ENDPOINT: fake.url.replace('https', 'http') });
    expect(code).toBe(1);
    expect(complaints).toEqual([
      'warn  tls         The endpoint is http: credentials travel unprotected. Use https.',
      expect.stringMatching(/^FAIL {2}login .* 301: .*Check whether the endpoint is the https address/),
    ]);
  });

  test('what is no Proxmox VE', async () => {
    const fake = await start();
    fake.faults.add({ kind: 'status', code: 403, reason: 'Forbidden', path: '/version' } as never);
    const { code, complaints } = await check(fake);
    expect(code).toBe(1);
    expect(complaints).toEqual([
      expect.stringMatching(
        /^FAIL {2}login .* 403: Forbidden\. Check that the endpoint is an https address of Proxmox VE/,
      ),
    ]);
  });

  test('half of the credentials', async () => {
    const { code, complaints, text } = await check(await start(), { PVE_TOKEN_SECRET: '' });
    expect(code).toBe(1);
    expect(complaints).toEqual([
      'FAIL  login       The credentials are incomplete: the environment of the operator has PVE_TOKEN_ID, but no PVE_TOKEN_SECRET. Set what is missing.',
    ]);
    expect(text).toContain('1 check: 1 failed, 0 with a warning.');
  });

  test('a wrong password', async () => {
    const { code, complaints } = await check(await start(), {
      PVE_TOKEN_ID: '',
      PVE_TOKEN_SECRET: '',
      PVE_USERNAME: USER,
      PVE_PASSWORD: 'not-the-password',
    });
    expect(code).toBe(1);
    expect(complaints[0]).toBe(
      `FAIL  login       Proxmox VE does not accept ${USER}: authentication failure. Check the realm and the password, and that the user is enabled and not expired:`,
    );
  });

  test('a certificate that no known CA has signed', async () => {
    const { code, complaints } = await check(await start(), { PVE_CA_BUNDLE: '' });
    expect(code).toBe(1);
    expect(complaints).toEqual([
      expect.stringMatching(
        /^FAIL {2}tls {9}Not trusted by the system's authorities \(DEPTH_ZERO_SELF_SIGNED_CERT\): the certificate of "fake PVE", .* Give the CA that signed it: ca\.crt in the Secret, or PVE_CA_BUNDLE.*:$/,
      ),
      'cat /etc/pve/pve-root-ca.pem',
    ]);
  });

  test('a certificate with another fingerprint than was given', async () => {
    const fake = await start();
    const other = fake.fingerprint.replaceAll(/[0-4]/g, '9');
    expect((await check(fake, { PVE_FINGERPRINT: fake.fingerprint })).complaints).toEqual([]);
    const { code, complaints } = await check(fake, { PVE_FINGERPRINT: other });
    expect(code).toBe(1);
    expect(complaints[0]).toContain(
      `FAIL  tls         Its fingerprint is none of those given, but ${fake.fingerprint}:`,
    );
  });

  test('verification that is switched off is only warned of', async () => {
    const { code, complaints } = await check(await start(), {
      PVE_CA_BUNDLE: '',
      PVE_INSECURE_SKIP_VERIFY: 'true',
    });
    expect(code).toBe(0);
    expect(complaints).toEqual([
      expect.stringMatching(
        /^warn {2}tls .* would not be trusted: DEPTH_ZERO_SELF_SIGNED_CERT\. Give the CA/,
      ),
    ]);
  });

  test.each<[string, (fake: FakePve) => Record<string, string>]>([
    ['a wrong secret', () => ({ PVE_TOKEN_SECRET: 'another-secret' })],
    [
      'a token that has expired',
      ({ state: { access } }) => {
        access.tokens.get(TOKEN)!.expire = 1;
        return {};
      },
    ],
    [
      'a token that was removed',
      ({ state: { access } }) => {
        access.tokens.delete(TOKEN);
        return {};
      },
    ],
  ])('%s', async (_what, spoil) => {
    const fake = await start();
    const { code, complaints, text } = await check(fake, spoil(fake));
    expect(code).toBe(1);
    expect(complaints).toEqual([TOKEN_REFUSED, `pveum user token list '${USER}'`]);
    expect(text).not.toMatch(/another-secret|xxxxxxxx/);
  });
});

describe('what the credentials may not do', () => {
  const GRANTS = [
    `pveum acl modify / --users '${USER}' --roles VirtRigaud`,
    `pveum acl modify / --tokens '${TOKEN}' --roles VirtRigaud`,
  ];

  test('anything: a token with privilege separation and no role', async () => {
    const fake = await start({ acls: acls.filter(({ token }) => token === undefined) });
    const { code, complaints } = await check(fake);
    expect(code).toBe(1);
    const at = complaints.findIndex((line) => line.startsWith('FAIL  privileges'));
    expect(complaints[at]).toBe(
      `FAIL  privileges  ${TOKEN} may do nothing at all. A token with privilege separation needs a role of its own, in addition to that of its user:`,
    );
    const commands = complaints.filter((line) => line.startsWith('pveum'));
    expect(commands).toEqual([
      'pveum role add VirtRigaud',
      expect.stringMatching(
        /^pveum role modify VirtRigaud --append 1 --privs 'Datastore.Allocate,.*,VM.PowerMgmt,VM.Snapshot,VM.Snapshot.Rollback'$/,
      ),
      ...GRANTS,
    ]);
    runOnNode(fake, commands);
    expect((await check(fake)).complaints).toEqual([]);
  });

  test('see VMs', async () => {
    const fake = await start({ roles: role(['VM.Audit']) });
    const { code, complaints } = await check(fake);
    expect(code).toBe(1);
    expect(complaints).toEqual([
      `FAIL  privileges  ${TOKEN} holds nowhere: VM.Audit on /vms. Grant them:`,
      'pveum role add VirtRigaud',
      "pveum role modify VirtRigaud --append 1 --privs 'VM.Audit'",
      ...GRANTS,
      'warn  templates   No template is seen. VMs are cloned from one: make one (qm template VMID), or grant VM.Audit on /vms.',
    ]);
    runOnNode(
      fake,
      complaints.filter((line) => line.startsWith('pveum')),
    );
    expect((await check(fake)).complaints).toEqual([]);
  });

  test('ask guest agents, which is only warned of', async () => {
    const { code, complaints } = await check(await start({ roles: role(['VM.GuestAgent.Audit']) }));
    expect(code).toBe(0);
    expect(complaints[0]).toBe(
      `warn  privileges  Some things will not work for ${TOKEN}: addresses are not read from the guest agent (VM.GuestAgent.Audit on /vms). Grant what is missing:`,
    );
  });
});

describe('what the cluster lacks', () => {
  test('a storage for user-data images', async () => {
    const bare = storages.map((each) => ({ ...each, content: each.content.filter((c) => c !== 'iso') }));
    const { code, complaints } = await check(await start({ storages: bare }));
    expect(code).toBe(1);
    expect(complaints).toEqual([
      'FAIL  iso         On pve-1, pve-2, pve-3 there is no available storage with content "iso". VMs with user-data cannot be created there. Add "iso" to the content of a storage:',
      'pvesm set local --content backup,import,iso,snippets,vztmpl',
    ]);
  });

  test('a bridge', async () => {
    const { code, complaints } = await check(await start({ bridges: [], guests: [] }));
    expect(code).toBe(1);
    expect(complaints[0]).toBe(
      'FAIL  bridges     No bridge is seen on any node. Create vmbr0 on each node (Node → System → Network), or grant SDN.Use on /sdn/zones.',
    );
  });

  test('some of the bridges that names of networks stand for, which is only warned of', async () => {
    const { code, complaints } = await check(await start({ bridges: ['vmbr0'] }));
    expect(code).toBe(0);
    expect(complaints).toEqual([
      'warn  bridges     vmbr0. Not there: vmbr1 (network dmz) on pve-1, pve-2, pve-3; vmbr2 (network mgmt) on pve-1, pve-2, pve-3. Create them, or name another bridge in spec.networks[].bridge of the VMs.',
    ]);
  });

  test('a majority of its nodes', async () => {
    const fake = await start();
    fake.faults.add({ kind: 'noQuorum' });
    const { code, complaints } = await check(fake);
    expect(code).toBe(1);
    expect(complaints).toEqual([
      'FAIL  quorum      Cluster demo has no quorum: nothing can be changed in it. Bring back a majority of its nodes; on a node, this shows which are missing:',
      'pvecm status',
      'warn  nodes       pve-1, pve-2 (offline), pve-3 (offline). Nothing is created on nodes that are offline.',
    ]);
  });

  test('a standalone node lacks nothing', async () => {
    const { name: _name, ...alone } = demoCluster({
      nodes: [{ name: 'pve-1' }],
      guests: guests.filter(({ node }) => node === 'pve-1'),
    });
    const fake = await start();
    await fake.reset(alone);
    const { code, complaints, text } = await check(fake);
    expect([code, complaints]).toEqual([0, []]);
    expect(text).toContain('ok    quorum      A standalone node (pve-1), which needs none.');
  });
});

test('as JSON the same is said to programs, and nothing secret', async () => {
  const fake = await start({ roles: role(['VM.Audit']) });
  const { code, out } = await runCheck(['--output', 'json'], environmentOf(fake));
  const { target, ok, findings } = JSON.parse(out) as {
    target: string;
    ok: boolean;
    findings: { check: string; level: string; commands?: string[] }[];
  };
  expect([code, target, ok]).toEqual([1, 'environment', false]);
  expect(findings.map(({ check: name, level }) => `${name} ${level}`)).toContain('privileges fail');
  expect(findings.find(({ check: name }) => name === 'privileges')?.commands).toHaveLength(4);
  expect(out).not.toContain(SECRET);
});

test('it changes nothing', async () => {
  const fake = await start();
  await check(fake);
  expect(fake.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
});
