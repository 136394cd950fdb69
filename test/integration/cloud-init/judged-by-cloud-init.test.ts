import { describe, expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { guestManifests } from '../../fixtures/guests.ts';
import { fileOf, manifestInput } from './manifest-input.ts';
import { checksNetworkConfig, inFile, run, testWith, withCloudInit } from './tools.ts';

const KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJscscHStQhxxPat6mmcGWgN9iFmWZC6gc9arYFPqajm one@example.com';
const withCloudInitTest = testWith(['cloud-init']);

const schema = (bytes: Uint8Array, ...options: string[]): string =>
  inFile('config', bytes, (path) => run('cloud-init', ['schema', ...options, '-c', path]));

describe('cloud-init accepts the user-data', () => {
  for (const manifest of ['12-vm-web-server.yaml', '13-vm-multi-nic.yaml', '15-vm-netplan-userdata.yaml'])
    for (const sshKeys of [[], [KEY]])
      withCloudInitTest(`of ${manifest}, with ${sshKeys.length} keys of a Secret`, () => {
        expect(schema(fileOf(manifestInput(manifest, { sshKeys }), 'user-data')!)).toMatch(/^Valid /);
      });
});

const VALIDATE = `
import json, sys, yaml
from cloudinit.config import schema
for text in json.load(sys.stdin):
    schema.validate_cloudconfig_schema(yaml.safe_load(text), schema.get_schema(), strict=True)
print("true")
`;

withCloudInitTest('cloud-init accepts each cloud-config in docs/guests.md', () => {
  const Spec = z.object({ userData: z.object({ cloudInit: z.object({ inline: z.string() }) }) });
  const texts = guestManifests(readFileSync('docs/guests.md', 'utf8'))
    .flatMap(({ objects }) =>
      objects.map(({ spec }) => Spec.safeParse(spec).data?.userData.cloudInit.inline ?? ''),
    )
    .filter((text) => text.startsWith('#cloud-config'));
  expect(texts.length).toBeGreaterThan(2);
  expect(withCloudInit(VALIDATE, JSON.stringify(texts))).toBe(true);
  expect(() => withCloudInit(VALIDATE, JSON.stringify(['#cloud-config\npackages: {a: 1}\n']))).toThrow();
});

/** What cloud-init makes of user-data: all parts merged into one configuration, and the kinds of the parts. */
const CONSUME = `
import json, sys, tempfile
from cloudinit import handlers, helpers, user_data
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
with tempfile.TemporaryDirectory() as folder:
    paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
    message = user_data.UserDataProcessor(paths).process(sys.stdin.buffer.read())
    handler = CloudConfigPartHandler(paths)
    handler.handle_part(None, handlers.CONTENT_START, None, None, None, {})
    kinds = []
    texts = []
    for part in message.walk():
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        payload = part.get_payload(decode=True).decode()
        kinds.append(kind)
        texts.append(payload)
        if kind == "text/cloud-config":
            handler.handle_part(None, kind, "part", payload, None, dict(part))
    json.dump({"kinds": kinds, "texts": texts, "config": handler.cloud_buf}, sys.stdout)
`;

const consumed = (userData: string, sshKeys: readonly string[]) =>
  withCloudInit(CONSUME, fileOf(manifestInput('12-vm-web-server.yaml', { userData, sshKeys }), 'user-data')!);

describe('cloud-init finds the keys of a Secret', () => {
  withCloudInitTest('next to a script that stays as it was', () => {
    const script = '#!/bin/sh\necho "é"\n';
    expect(consumed(script, [KEY])).toMatchObject({
      kinds: ['text/x-shellscript', 'text/cloud-config'],
      texts: [script, expect.any(String)],
      config: { ssh_authorized_keys: [KEY] },
    });
  });

  withCloudInitTest("next to the parts of the user's own message, and joined to their keys", () => {
    const message = [
      'Content-Type: multipart/mixed; boundary="inner"',
      'MIME-Version: 1.0',
      '',
      '--inner',
      'Content-Type: text/cloud-config',
      '',
      '#cloud-config',
      'packages: [nginx]',
      'ssh_authorized_keys: [a]',
      '',
      '--inner',
      'Content-Type: text/x-shellscript',
      '',
      '#!/bin/sh',
      '',
      '--inner--',
      '',
    ].join('\n');
    expect(consumed(message, [KEY])).toMatchObject({
      kinds: ['text/cloud-config', 'text/x-shellscript', 'text/cloud-config'],
      config: { packages: ['nginx'], ssh_authorized_keys: ['a', KEY] },
    });
  });

  withCloudInitTest('next to an archive, and joined to its keys', () => {
    const archive = `#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    ssh_authorized_keys: [a]\n    runcmd: [b]\n`;
    expect(consumed(archive, [KEY])).toMatchObject({
      config: { runcmd: ['b'], ssh_authorized_keys: ['a', KEY] },
    });
  });

  withCloudInitTest('in a cloud-config, whose other values are to Python what they were', () => {
    const rest =
      'write_files: [{path: /x, permissions: 0644}]\nplain_text_passwd: 1e3\nntp: yes\nfqdn: 12:30\nz:\n';
    const before = consumed(`#cloud-config\n${rest}`, []) as { config: object };
    expect(consumed(`#cloud-config\n${rest}`, [KEY])).toMatchObject({
      config: { ...before.config, ssh_authorized_keys: [KEY] },
    });
  });
});

/** How cloud-init understands a network-config, and what it would write for distributions without netplan. */
const NETWORK = `
import json, sys, yaml
from cloudinit.net import eni, network_state
state = network_state.parse_net_config_data(yaml.safe_load(sys.stdin.buffer.read()))
interfaces = {
    i["name"]: {
        "mac": i["mac_address"],
        "subnets": [[s["type"], "%s/%s" % (s.get("address"), s.get("prefix"))] for s in i["subnets"]],
    }
    for i in state.iter_interfaces()
}
print(json.dumps({"interfaces": interfaces, "eni": eni.Renderer({})._render_interfaces(state)}))
`;

const NICS = [
  {
    device: 'net0',
    mac: '52:54:00:12:34:56',
    dhcp4: false,
    addresses: ['192.0.2.9/24', '2001:db8::9/64'],
    gateway4: '192.0.2.1',
    gateway6: '2001:db8::1',
    dns: ['192.0.2.53'],
  },
  { device: 'net2', mac: 'BC:24:11:00:00:02', dhcp4: true, addresses: [], dns: [] },
  { device: 'net3', mac: 'BC:24:11:00:00:03', dhcp4: true, ipv6: 'auto' as const, addresses: [], dns: [] },
  {
    device: 'net4',
    mac: 'BC:24:11:00:00:04',
    dhcp4: false,
    ipv6: 'dhcp' as const,
    addresses: ['192.0.2.10/24'],
    dns: [],
  },
];

const ON_LINK = {
  device: 'net5',
  mac: 'BC:24:11:00:00:05',
  dhcp4: false,
  addresses: ['192.0.2.11/32'],
  gateway4: '198.51.100.1',
  dns: [],
};

describe('cloud-init understands the network-config', () => {
  withCloudInitTest('with addresses, gateway and DHCP, without netplan', () => {
    const network = fileOf(manifestInput('13-vm-multi-nic.yaml', { nics: NICS }), 'network-config')!;
    expect(withCloudInit(NETWORK, network)).toMatchObject({
      interfaces: {
        eth0: {
          mac: '52:54:00:12:34:56',
          subnets: [
            [expect.stringMatching(/^static/), '192.0.2.9/24'],
            [expect.stringMatching(/^static/), '2001:db8::9/64'],
          ],
        },
        eth2: { mac: 'bc:24:11:00:00:02', subnets: [['dhcp4', 'None/None']] },
        eth3: {
          mac: 'bc:24:11:00:00:03',
          subnets: [
            ['dhcp4', 'None/None'],
            ['ipv6_slaac', 'None/None'],
          ],
        },
        eth4: {
          mac: 'bc:24:11:00:00:04',
          subnets: [
            ['static', '192.0.2.10/24'],
            ['dhcp6', 'None/None'],
          ],
        },
      },
      eni: expect.stringMatching(/gateway 192\.0\.2\.1\n[^]*gateway 2001:db8::1\n/),
    });
  });

  const schemaTest = checksNetworkConfig() ? withCloudInitTest : testWith(['cloud-init 24.1']);
  schemaTest('by its schema', () => {
    for (const input of [
      manifestInput('13-vm-multi-nic.yaml'),
      manifestInput('13-vm-multi-nic.yaml', { nics: NICS }),
      manifestInput('13-vm-multi-nic.yaml', { nics: [...NICS, ON_LINK] }),
    ])
      expect(schema(fileOf(input, 'network-config')!, '--schema-type', 'network-config')).toMatch(/^Valid /);
  });
});
