/** What a guest keeps of its template's cloud-init options, and what it cannot keep (config/template-options.ts). Pure. */
import type { VirtualMachine } from '../../../src/api/index.ts';
import {
  ipConfig,
  loginDefinedBy,
  unsetNativeKeys,
  type CloudInitInput,
  type CloudInitNic,
  type Resolver,
} from '../../../src/cloudinit/index.ts';
import { ipFamily } from '../../../src/lib/ip.ts';
import { omitUndefined } from '../../../src/lib/omit-undefined.ts';
import { parseNic, parseProperties, property } from '../../../src/pve/index.ts';
import type { Keys } from '../../shared/guests/keys.ts';
import type { Guest, GuestConfig } from '../../shared/guests/model.ts';
import { isCopy } from '../config/copied.ts';
import { isNew } from '../config/is-new.ts';
import { templateOption } from '../config/template-options.ts';
import type { CloudInitMode, InheritedOptions, WithCloudInit } from '../model/cloud-init.ts';
import { nicsOf } from '../networks/nics.ts';

export interface Inheritance extends InheritedOptions {
  /** Addresses of the NICs, where the spec says nothing about them: never fixed ones. */
  readonly nics: readonly CloudInitNic[];
  /** Values that differ from those of the template. */
  readonly set: Readonly<Record<string, string>>;
}

interface Situation {
  readonly mode: CloudInitMode;
  readonly hasOwnData: boolean;
}

/** The options that the guest has from its template, or brought along when it was adopted: not those that we wrote. */
function originalKeys(vm: VirtualMachine, guest: Guest): readonly string[] {
  const { adopted, internal: { template, cloudInit } = {} } = vm.status ?? {};
  // The snippet of a VM is not that of its copy.
  const isInheritable = (key: string): boolean => key !== 'cicustom' || !isCopy(vm, guest);
  const present = unsetNativeKeys.delete.filter(
    (key) => guest.config[key] !== undefined && isInheritable(key),
  );
  const isUntouched =
    isNew(vm, guest) || cloudInit?.mode === 'None' || (adopted === true && template === undefined);
  return isUntouched ? present : present.filter((key) => template?.kept?.includes(key));
}

export function inheritanceOf(
  vm: VirtualMachine,
  want: WithCloudInit,
  guest: Guest,
  situation: Situation,
): Inheritance {
  const { config } = guest;
  const fates = originalKeys(vm, guest).map((key) => ({ key, fate: fateOf(key, want, config, situation) }));
  const fixed = fates.flatMap(({ key, fate }) => (fate === 'withoutAddress' ? [key] : []));
  const kept = fates.flatMap(({ key, fate }) => (fate === 'kept' ? [key] : []));
  const addressed = [...kept, ...fixed].filter((key) => key.startsWith('ipconfig')).toSorted();
  const nics =
    addressed.length === 0 && leavesNetworks(want)
      ? firstNic(config)
      : addressed.map((key) => dynamicNic(key, config));
  return {
    kept: [...kept, ...fixed],
    dropped: [...fixed, ...fates.flatMap(({ key, fate }) => (fate === 'dropped' ? [key] : []))],
    nics,
    set: Object.fromEntries(
      nics.flatMap((nic): [string, string][] => {
        const key = nic.device.replace('net', 'ipconfig');
        const text = ipConfig(nic);
        return fixed.includes(key) && text !== undefined ? [[key, text]] : [];
      }),
    ),
  };
}

/** The spec says nothing about the NICs and their addresses. */
const leavesNetworks = ({ nics, cloudInit: { networkData } }: WithCloudInit): boolean =>
  nics === undefined && networkData === undefined;

type Fate = 'kept' | 'replaced' | 'dropped' | 'withoutAddress';

function fateOf(
  key: string,
  want: WithCloudInit,
  config: GuestConfig,
  { mode, hasOwnData }: Situation,
): Fate {
  const { cloudInit, nics } = want;
  const { ignition, snippet, sshKeys, networkData, resolver } = cloudInit;
  const login = loginDefinedBy(cloudInit);
  const unless = (replaced: boolean, dropped = false): Fate =>
    replaced ? 'replaced' : dropped ? 'dropped' : 'kept';
  switch (templateOption(key)?.dependsOn) {
    case 'user':
      return unless(login.user, ignition !== undefined);
    case 'password':
      // PVE masks it, so it cannot be written into an image.
      return unless(login.password, mode === 'Image');
    case 'sshKeys':
      return unless(login.sshKeys || sshKeys.length > 0, ignition !== undefined);
    case 'snippet':
      return unless(snippet !== undefined, hasOwnData || mode === 'Image');
    case 'servers':
      return unless(
        networkData !== undefined ||
          hasDns(resolver) ||
          (nics ?? []).some(({ staticIP }) => hasDns(staticIP)),
      );
    case 'domains':
      return unless(networkData !== undefined || (resolver?.search.length ?? 0) > 0);
    case 'addresses':
      return leavesNetworks(want) ? addressFate(key, config) : 'replaced';
    case undefined:
      return 'replaced';
  }
}

const hasDns = (staticIP: { readonly dns: readonly string[] } | undefined): boolean =>
  (staticIP?.dns.length ?? 0) > 0;

const deviceOf = (key: string): string => key.replace('ipconfig', 'net');

function addressFate(key: string, config: GuestConfig): Fate {
  if (config[deviceOf(key)] === undefined) return 'replaced';
  const { ip, ip6 } = addressesIn(key, config);
  const isDynamic = [ip, ip6].every((text) => text === undefined || text === 'dhcp' || text === 'auto');
  return isDynamic ? 'kept' : 'withoutAddress';
}

function addressesIn(key: string, config: GuestConfig): { readonly ip?: string; readonly ip6?: string } {
  const properties = parseProperties(config[key] ?? '');
  return omitUndefined({ ip: property(properties, 'ip'), ip6: property(properties, 'ip6') });
}

/** With DHCP or SLAAC in place of a fixed address. */
function dynamicNic(key: string, config: GuestConfig): CloudInitNic {
  const { ip, ip6 } = addressesIn(key, config);
  const device = deviceOf(key);
  return {
    device,
    mac: parseNic(config[device] ?? '').mac,
    dhcp4: ip !== undefined,
    ...(ip6 !== undefined && { ipv6: ip6 === 'dhcp' ? 'dhcp' : 'auto' }),
    addresses: [],
    dns: [],
  };
}

/** Keeps what the guest has from its template. */
export const keeping = (keys: Keys, { kept }: Pick<Inheritance, 'kept'>): Keys => ({
  ...keys,
  delete: keys.delete.filter((key) => !kept.includes(key)),
});

/**
 * The input of an image with what PVE's drive would say by the kept options, and, where no option says it, by the node's
 * own resolver.
 */
export function withInherited(
  input: CloudInitInput,
  { kept, nics }: Inheritance,
  { config, resolver }: { readonly config: GuestConfig; readonly resolver: Resolver | undefined },
): CloudInitInput {
  const has = (key: string): string => (kept.includes(key) ? (config[key] ?? '') : '');
  const user = has('ciuser');
  const own = input.resolver ?? { dns: [], search: [] };
  const fromTemplate = templateResolver(has);
  const search = own.search.length > 0 ? own.search : fromTemplate.search;
  const { hostname, fqdn = hostname } = input;
  const [domain] = search;
  return {
    ...input,
    fqdn: fqdn === hostname && domain !== undefined ? `${hostname}.${domain}` : fqdn,
    nics: withResolver(withOwnServers(input.nics.length > 0 ? input.nics : nics, own.dns), {
      dns: orElse(fromTemplate.dns, resolver?.dns),
      search: orElse(search, resolver?.search),
    }),
    inherited: { ...(user !== '' && { user }), sshKeys: linesOf(has('sshkeys')) },
  };
}

const orElse = (list: readonly string[], other: readonly string[] = []): readonly string[] =>
  list.length > 0 ? list : other;

function templateResolver(has: (key: string) => string): Resolver {
  const words = (text: string): string[] => text.split(/[\s,;]+/).filter((word) => word !== '');
  return {
    dns: words(has('nameserver')).filter((text) => ipFamily(text) !== undefined),
    search: words(has('searchdomain')),
  };
}

/** After those of the NICs. */
const withOwnServers = (nics: readonly CloudInitNic[], dns: readonly string[]): readonly CloudInitNic[] =>
  nics.map((nic, index) => (index === nics.length - 1 ? { ...nic, dns: [...nic.dns, ...dns] } : nic));

/** PVE has one list of servers per guest. In an image they belong to the first NIC; those in the spec take precedence. */
function withResolver(nics: readonly CloudInitNic[], { dns, search }: Resolver): readonly CloudInitNic[] {
  const [first, ...others] = nics;
  if (!first || dns.length + search.length === 0) return nics;
  return [{ ...first, dns: nics.some((nic) => nic.dns.length > 0) ? first.dns : dns, search }, ...others];
}

/** A guest whose NICs nobody describes uses DHCP on the first one. */
const firstNic = (config: GuestConfig): readonly CloudInitNic[] =>
  nicsOf(config)
    .slice(0, 1)
    .map(({ device, mac }) => ({ device, mac, dhcp4: true, addresses: [], dns: [] }));

function linesOf(encoded: string): string[] {
  try {
    return decodeURIComponent(encoded)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
