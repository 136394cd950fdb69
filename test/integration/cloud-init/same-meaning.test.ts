import { describe, expect } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { byImage, byProxmox, guestData, type Files, type GuestData } from '../../builders/guest-data.ts';
import { testWith, withCloudInit } from './tools.ts';

const withCloudInitTest = testWith(['cloud-init']);

/**
 * What cloud-init makes of the files: names, users and settings, and the network as each of its renderers writes it. Not
 * every version has all renderers, and not every renderer writes into a folder; what is missing says so by its name.
 */
const EFFECT = `
import json, os, sys, tempfile, yaml
from cloudinit import handlers, helpers, sources, user_data, util
from cloudinit.distros import ug_util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
from cloudinit.net import network_state

SYSTEM = {"users": ["default"], "disable_root": True}

# As for RHEL; netplan is not asked for its features.
SCRIPTS = "%(base)s/network-scripts/"
CONFIGS = {
    "netplan": {"features": []},
    "sysconfig": {
        "control": "etc/sysconfig/network",
        "iface_templates": SCRIPTS + "ifcfg-%(name)s",
        "route_templates": {"ipv4": SCRIPTS + "route-%(name)s", "ipv6": SCRIPTS + "route6-%(name)s"},
    },
}

class Distro:
    def get_default_user(self):
        return {"name": "system", "lock_passwd": True}

def consumed(text):
    with tempfile.TemporaryDirectory() as folder:
        paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
        message = user_data.UserDataProcessor(paths).process(text)
        handler = CloudConfigPartHandler(paths)
        handler.handle_part(None, handlers.CONTENT_START, None, None, None, {})
        for part in message.walk():
            if not part.is_multipart() and part.get_content_type() == "text/cloud-config":
                payload = part.get_payload(decode=True).decode()
                handler.handle_part(None, "text/cloud-config", "part", payload, None, dict(part))
        return dict(handler.cloud_buf or {})

def settings(files):
    config = util.mergemanydict([consumed(files["user"]), consumed(files["vendor"]), SYSTEM])
    source = sources.DataSource({}, None, None)
    source.metadata = yaml.safe_load(files["meta"]) or {}
    hostname, fqdn = util.get_hostname_fqdn(config, source)[:2]
    users, _ = ug_util.normalize_users_groups(config, Distro())
    return {
        "hostname": hostname,
        "fqdn": fqdn,
        "users": users,
        "keys": sorted(config.get("ssh_authorized_keys", [])),
        "etc_hosts": config.get("manage_etc_hosts"),
        "upgrade": bool(config.get("package_upgrade")),
        "disable_root": config.get("disable_root"),
        "chpasswd": config.get("chpasswd"),
    }

def rendered(kind, state):
    with tempfile.TemporaryDirectory() as folder:
        if kind == "networkd":
            from cloudinit.net import networkd
            return networkd.Renderer({})._render_content(state)
        module = __import__("cloudinit.net." + kind, fromlist=["Renderer"])
        config = CONFIGS.get(kind, {})
        module.Renderer(config).render_network_state(state, target=folder)
        found = {}
        for path, _, names in os.walk(folder):
            for name in names:
                full = os.path.join(path, name)
                with open(full) as file:
                    found[os.path.relpath(full, folder)] = file.read()
        return found

def network(text):
    result = {}
    for kind in ["eni", "netplan", "sysconfig", "network_manager", "networkd"]:
        state = network_state.parse_net_config_data(yaml.safe_load(text))
        try:
            result[kind] = rendered(kind, state)
        except ImportError as error:
            result[kind] = str(error)
    return result

cases = json.load(sys.stdin)
print(json.dumps([[dict(settings(f), network=network(f["network"])) for f in pair] for pair in cases]))
`;

interface Effect {
  readonly network: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly [setting: string]: unknown;
}

const effects = (pairs: readonly (readonly Files[])[]): readonly (readonly Effect[])[] =>
  withCloudInit(EFFECT, JSON.stringify(pairs)) as Effect[][];

describe('to cloud-init, the drive of Proxmox VE and an image mean the same', () => {
  withCloudInitTest('for guests whose data the drive can express', () => {
    const cases = fc.sample(guestData, { numRuns: 24, seed: 14 });
    const judged = effects(cases.map((data) => [byProxmox(data), byImage(data)]));
    expect(judged).toHaveLength(cases.length);
    for (const [index, [pve, image]] of judged.entries())
      expect({ ...image, data: cases[index] }).toEqual({ ...pve, data: cases[index] });
    // The comparison is not one of nothing with nothing.
    const all = JSON.stringify(judged);
    for (const text of ['web.example.com', '192.0.2.1', 'NETMASK', 'iface eth0', 'mac-address', 'fe80::1'])
      expect(all).toContain(text);
  });
});

describe('to cloud-init, an image', () => {
  const GUEST: GuestData = { name: 'web', userData: undefined, sshKeys: [], nics: undefined, template: {} };
  const effectOf = (data: Partial<GuestData>): Effect => effects([[byImage({ ...GUEST, ...data })]])[0]![0]!;

  withCloudInitTest('reaches a gateway outside its subnet where netplan sets up the network', () => {
    const staticIP = { address: '192.0.2.9/32', gateway: '198.51.100.1', dns: [] };
    const { network } = effectOf({ nics: [{ name: 'lan', bridge: 'vmbr0', staticIP }] });
    const netplan = Object.values(network['netplan']!).join('');
    expect(netplan).toMatch(/on-link: true/);
    expect(netplan).toMatch(/set-name: eth0/);
    expect(netplan).toMatch(/via: 198\.51\.100\.1/);
    // Before 22.2 the name in the file would be that of the interface, so it has to be the one that it gets.
    expect(Object.values(network['eni']!).join('')).toMatch(/iface eth0 inet static/);
  });

  withCloudInitTest(
    "keeps a user's own keys that are written with hyphens, next to those of a Secret",
    () => {
      const secret = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJscscHStQhxxPat6mmcGWgN9iFmWZC6gc9arYFPqajm s';
      for (const users of [
        '[{name: ops, ssh-authorized-keys: [own]}]',
        '{ops: {ssh-authorized-keys: [own]}}',
      ])
        expect(
          effectOf({ userData: `#cloud-config\nusers: ${users}\n`, sshKeys: [secret] })['users'],
        ).toMatchObject({ ops: { ssh_authorized_keys: ['own', secret] } });
    },
  );
});
