/** Desired state of a network interface. */
import { z } from 'zod';
import { ipFamily, isOnLink, parseCidr } from '../lib/ip.ts';
import { bridgeName, list, rule, word } from './schema.ts';

const interfaceName = word(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
  'must consist of lowercase letters, digits and hyphens, for example lan',
);
const mac = word(
  /^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$/,
  17,
  'must be a unicast MAC address, for example 02:00:00:aa:bb:cc',
);

const ip = rule(z.string().max(64), {
  cel: 'isIP(self)',
  message: 'must be an IPv4 or IPv6 address',
  holds: (value) => ipFamily(value) !== undefined,
});
const ip6 = rule(z.string().max(64), {
  cel: 'isIP(self) && ip(self).family() == 6',
  message: 'must be an IPv6 address',
  holds: (value) => ipFamily(value) === 6,
});
const cidr = rule(z.string().max(64), {
  cel: 'isCIDR(self)',
  message: 'must be an address with a prefix length, for example 192.168.1.100/24',
  holds: (value) => parseCidr(value) !== undefined,
});

const reachable = {
  cel:
    '!has(self.gateway) || !isIP(self.gateway) || !isCIDR(self.address)' +
    ' || cidr(self.address).prefixLength() == (cidr(self.address).ip().family() == 4 ? 32 : 128)' +
    ' || ip(self.gateway).isLinkLocalUnicast() || ip(self.gateway).family() != cidr(self.address).ip().family()' +
    ' || cidr(self.address).containsIP(ip(self.gateway))',
  message:
    'must have a gateway in the subnet of the address; one outside it, on the same link, requires the prefix length 32, or 128 for IPv6',
  holds: ({ address, gateway }: { readonly address: string; readonly gateway?: string | undefined }) => {
    const parsed = parseCidr(address);
    if (gateway === undefined || !parsed || ipFamily(gateway) !== parsed.family) return true;
    return isOnLink(gateway, parsed);
  },
};

const staticIP = rule(
  rule(
    z.object({
      address: cidr.describe('IPv4 or IPv6 address with its prefix length, for example 192.168.1.100/24.'),
      gateway: ip
        .optional()
        .describe(
          'Default gateway in the subnet of the address. It may be outside it if the prefix length is 32, or 128 for IPv6.',
        ),
      dns: list(ip, 8)
        .optional()
        .describe(
          'Name servers, in order of preference; absent: those of the template, or else of the node.',
        ),
    }),
    reachable,
  ),
  {
    cel:
      '!has(self.gateway) || !isIP(self.gateway) || !isCIDR(self.address)' +
      ' || ip(self.gateway).family() == cidr(self.address).ip().family()',
    message: 'must have an address and a gateway of the same family: both IPv4 or both IPv6',
    holds: ({ address, gateway }) =>
      gateway === undefined || ipFamily(gateway) === parseCidr(address)?.family,
  },
);

/** Ways in which a guest configures its IPv6 address itself. */
const automatic = ['auto', 'dhcp'] as const;
const isAutomatic = (address: string): boolean => automatic.some((way) => way === address);

const ipv6Address = rule(z.string().max(64), {
  cel: "self in ['auto', 'dhcp'] || isCIDR(self) && cidr(self).ip().family() == 6",
  message: 'must be auto, dhcp, or an IPv6 address with its prefix length, for example 2001:db8::10/64',
  holds: (value) => isAutomatic(value) || parseCidr(value)?.family === 6,
});

const ipv6 = rule(
  rule(
    z.object({
      address: ipv6Address.describe('IPv6 address with its prefix length; auto: SLAAC; dhcp: DHCPv6.'),
      gateway: ip6
        .optional()
        .describe(
          'Default gateway; only allowed with a fixed address. It is link-local or in the subnet of the address, unless the prefix length is 128.',
        ),
    }),
    reachable,
  ),
  {
    cel: "!has(self.gateway) || !(self.address in ['auto', 'dhcp'])",
    message: 'must not have a gateway with auto or dhcp: the router announces itself',
    holds: ({ address, gateway }) => gateway === undefined || !isAutomatic(address),
  },
);

const mtu = rule(z.int32(), {
  cel: 'self == 1 || self >= 576 && self <= 65520',
  message: 'must be 1, which stands for the MTU of the bridge, or from 576 to 65520',
  holds: (value) => value === 1 || (value >= 576 && value <= 65_520),
});

const VLAN = '([1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])';
const trunkPattern = new RegExp(`^${VLAN}(-${VLAN})?$`);
const trunk = z
  .union([z.int(), z.string()])
  .transform(String)
  .refine((value) => trunkPattern.test(value), 'must be a VLAN from 1 to 4094, or a range such as 10-20')
  .meta({
    crd: {
      'x-kubernetes-int-or-string': true,
      // The bounds apply to numbers, the pattern to strings. A rule would exceed the cost budget, because their length is unknown.
      minimum: 1,
      maximum: 4094,
      pattern: trunkPattern.source,
    },
  });

// The API server truncates a bound before it compares an integer with it, so these bounds are a rule.
const rate = rule(z.number(), {
  cel: 'self >= 0.01 && self <= 100000.0',
  message: 'must be from 0.01 to 100000',
  holds: (value) => value >= 0.01 && value <= 100_000,
});

const oneIPv6 = {
  cel: '!has(self.ipv6) || !has(self.staticIP) || !isCIDR(self.staticIP.address) || cidr(self.staticIP.address).ip().family() == 4',
  message: 'must have an IPv4 address in staticIP if ipv6 is set',
};
const mtuOfVirtio = {
  cel: "!has(self.mtu) || !has(self.model) || self.model == 'virtio'",
  message: 'must not have an mtu with a model other than virtio: Proxmox VE would ignore it',
};

const fields = z.object({
  name: interfaceName.describe(
    'Name of the interface. The names lan and default stand for the bridge vmbr0, dmz for vmbr1, mgmt and management for vmbr2, and vmbr* for itself.',
  ),
  bridge: bridgeName.optional().describe('Bridge or SDN VNet; absent: the bridge that the name stands for.'),
  vlan: z.int32().min(1).max(4094).optional().describe('VLAN tag.'),
  mac: mac.optional().describe('MAC address; absent: Proxmox VE generates one, which is kept.'),
  model: z
    .enum(['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'])
    .optional()
    .describe('Model of the emulated network card; absent: virtio.'),
  staticIP: staticIP.optional().describe('Fixed address, set by cloud-init; absent: DHCP.'),
  ipv6: ipv6
    .optional()
    .describe('IPv6 configuration in addition to staticIP or DHCP; absent: none is configured.'),
  mtu: mtu
    .optional()
    .describe(
      'MTU in bytes, only for the model virtio; 1: that of the bridge; absent: as in the template, or the default of Proxmox VE.',
    ),
  firewall: z
    .boolean()
    .optional()
    .describe(
      'Whether the firewall of Proxmox VE filters the interface; absent: as in the template, or the default of Proxmox VE.',
    ),
  rateLimit: rate
    .optional()
    .describe(
      'Maximum rate in megabytes per second; absent: as in the template, or the default of Proxmox VE.',
    ),
  trunks: list(trunk, 64)
    .optional()
    .describe(
      'VLANs, or ranges such as 10-20, whose tagged traffic is passed through; absent: as in the template, or the default of Proxmox VE.',
    ),
  queues: z
    .int32()
    .min(0)
    .max(64)
    .optional()
    .describe(
      'Number of queues that the guest uses in parallel, only for the model virtio; more than the VM has CPUs have no effect, which FieldsIgnored reports. 0: one. A change unplugs the interface for a moment. More than 16 require Proxmox VE 7.4. Absent: as in the template, or the default of Proxmox VE.',
    ),
  linkDown: z
    .boolean()
    .optional()
    .describe('Whether the link is down; absent: as in the template, or the default of Proxmox VE.'),
});

const ofVirtio = rule(fields, {
  cel: "!has(self.queues) || !has(self.model) || self.model == 'virtio'",
  message: 'must not have queues with a model other than virtio: Proxmox VE would ignore them',
  holds: ({ queues, model }) => queues === undefined || model === undefined || model === 'virtio',
});

export const network = rule(
  rule(ofVirtio, {
    ...oneIPv6,
    holds: ({ ipv6: six, staticIP: fixed }) =>
      six === undefined || fixed === undefined || parseCidr(fixed.address)?.family === 4,
  }),
  {
    ...mtuOfVirtio,
    holds: ({ mtu: size, model }) => size === undefined || model === undefined || model === 'virtio',
  },
);
