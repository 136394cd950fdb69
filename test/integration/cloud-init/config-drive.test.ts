import { describe, expect } from '@jest/globals';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { CloudInitInput } from '../../../src/cloudinit/index.ts';
import { fileOf, imageOf, manifestInput } from './manifest-input.ts';
import { inFile, inFolder, run, testWith, withCloudInit } from './tools.ts';

const KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJscscHStQhxxPat6mmcGWgN9iFmWZC6gc9arYFPqajm one@example.com';
const MACS = { net0: 'bc:24:11:00:00:01', net2: 'bc:24:11:00:00:02' };
const NICS: CloudInitInput['nics'] = [
  {
    device: 'net0',
    mac: MACS.net0.toUpperCase(),
    dhcp4: false,
    addresses: ['192.0.2.9/24', '2001:db8::9/64'],
    gateway4: '192.0.2.1',
    gateway6: '2001:db8::1',
    dns: ['192.0.2.53'],
    search: ['example.com'],
  },
  { device: 'net2', mac: MACS.net2, dhcp4: true, ipv6: 'auto', addresses: [], dns: [] },
];

/** Reads an unpacked config drive as cloud-init does, and writes its network as it would without netplan. */
const READ = `
import json, sys
from cloudinit import sources
from cloudinit.net import eni, network_state
from cloudinit.sources import DataSourceConfigDrive
from cloudinit.sources.helpers import openstack
folder, macs = json.load(sys.stdin)
data = DataSourceConfigDrive.read_config_drive(folder)
network = openstack.convert_net_json(data["networkdata"], known_macs=macs)
state = network_state.parse_net_config_data(network)
print(json.dumps({
    "metadata": data["metadata"],
    "keys": sources.normalize_pubkey_data(data["metadata"].get("public_keys")),
    "userdata": data["userdata"].decode(),
    "vendor": sources.convert_vendordata(data["vendordata"]),
    "subnets": {i["name"]: [s["type"] for s in i["subnets"]] for i in state.iter_interfaces()},
    "eni": eni.Renderer({})._render_interfaces(state),
}))
`;

const unpacked = <T>(image: Uint8Array, use: (folder: string) => T): T =>
  inFile('drive.iso', image, (iso) =>
    inFolder((folder) => {
      run('xorriso', ['-osirrox', 'on', '-indev', iso, '-extract', '/', join(folder, 'out')]);
      return use(join(folder, 'out'));
    }),
  );

describe('a config drive', () => {
  const userData = '#!/bin/sh\necho "é"\n';
  const input = manifestInput('12-vm-web-server.yaml', {
    userData,
    sshKeys: [KEY],
    nics: NICS,
    inherited: { user: 'deploy', sshKeys: [] },
  });
  const image = imageOf(input, 'configdrive2');

  testWith(['cloud-init', 'xorriso'])('is read by cloud-init: data, keys and addresses', () => {
    const names = Object.fromEntries(Object.entries(MACS).map(([name, mac]) => [mac, name]));
    const read = unpacked(image, (folder) => withCloudInit(READ, JSON.stringify([folder, names])));
    expect(read).toMatchObject({
      metadata: { uuid: 'uid-of-web-server', hostname: 'web-server' },
      keys: [KEY],
      userdata: userData,
      vendor: '#cloud-config\nuser: "deploy"\n',
      subnets: { net0: ['static', 'static6'], net2: ['dhcp4', 'ipv6_slaac'] },
      eni: expect.stringContaining('address 192.0.2.9/24'),
    });
    const { eni } = read as { eni: string };
    for (const line of ['gw 192.0.2.1', '2001:db8::9/64', 'gw 2001:db8::1', '192.0.2.53', 'example.com'])
      expect(eni).toContain(line);
  });

  testWith(['isoinfo'])('lists the same names through Rock Ridge and Joliet, which Windows reads', () => {
    const listing = (how: string) =>
      inFile('drive.iso', image, (iso) => run('isoinfo', [how, '-f', '-i', iso]))
        .trim()
        .split('\n')
        .toSorted();
    expect(listing('-J')).toEqual(listing('-R'));
    expect(listing('-J')).toContain('/openstack/latest/meta_data.json');
  });

  testWith(['blkid'])('is found by its label', () => {
    const found = inFile('drive.iso', image, (iso) => run('blkid', ['-p', '-o', 'export', iso]));
    expect(found.split('\n')).toEqual(expect.arrayContaining(['LABEL=config-2', 'TYPE=iso9660']));
  });
});

describe('compressed user-data', () => {
  const READ_GZIP = `
import json, sys, yaml
from cloudinit import helpers, sources, user_data
data, meta = json.load(sys.stdin)
message = user_data.UserDataProcessor(helpers.Paths({})).process(bytes.fromhex(data))
parts = [p.get_payload(decode=True).decode() for p in message.walk() if not p.is_multipart()]
print(json.dumps({"parts": parts, "keys": sources.normalize_pubkey_data(yaml.safe_load(meta)["public-keys"])}))
`;

  testWith(['cloud-init'])('is decompressed by cloud-init, which finds the keys in the meta-data', () => {
    const text = '#cloud-config\npackages: [nginx]\n';
    const input = manifestInput('12-vm-web-server.yaml', {
      userData: gzipSync(text).toString('base64'),
      userDataFormat: 'Binary',
      sshKeys: [KEY],
    });
    const hex = Buffer.from(fileOf(input, 'user-data')!).toString('hex');
    const meta = Buffer.from(fileOf(input, 'meta-data')!).toString();
    expect(withCloudInit(READ_GZIP, JSON.stringify([hex, meta]))).toEqual({ parts: [text], keys: [KEY] });
  });
});
