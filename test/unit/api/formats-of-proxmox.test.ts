/**
 * Our patterns held against the formats of Proxmox VE, with generated names: what Proxmox VE accepts can be written, and
 * what can be written Proxmox VE accepts. The formats are those of the fake; those of Proxmox VE 7.0 to 9.2 are the same.
 */
import { describe, expect, test } from '@jest/globals';
import fc, { type Arbitrary } from '../../builders/fast-check.ts';
import { Provider, VirtualMachine, VMClass, VMImage } from '../../../src/api/index.ts';
import { createAuth } from '../../../src/pve/auth.ts';
import { parseUpid, parseVolumeId } from '../../../src/pve/index.ts';
import { NodeParam, parseSize, StorageParam } from '../../../src/pve/wire.ts';
import { granteeOf } from '../../../controllers/provider/missing-privileges.ts';
import { formatComplaint } from '../../fakepve/schema/formats.ts';

/** Text of a form that is no longer than our field; most formats of Proxmox VE have no limit. */
const textOf = (form: RegExp, max: number): Arbitrary<string> =>
  fc.stringMatching(form).filter((text) => text.length <= max);

/** The text with one more character somewhere, often one that does not belong there. */
const nearly = (text: Arbitrary<string>): Arbitrary<string> =>
  fc.tuple(text, fc.nat(), fc.stringMatching(/^[ -~]$/)).map(([whole, n, added]) => {
    const at = n % (whole.length + 1);
    return `${whole.slice(0, at)}${added}${whole.slice(at)}`;
  });

const vm = (spec: object): boolean =>
  VirtualMachine.spec.safeParse({
    providerRef: { name: 'pve' },
    classRef: { name: 'small' },
    imageRef: { name: 'ubuntu' },
    ...spec,
  }).success;
const network = (more: object): boolean => vm({ networks: [{ name: 'lan', ...more }] });
const provider = (defaults: object): boolean =>
  Provider.spec.safeParse({ type: 'proxmox', defaults }).success;
const vmClass = (more: object): boolean =>
  VMClass.spec.safeParse({ cpus: 1, memory: '1Gi', ...more }).success;

interface Form {
  readonly what: string;
  /** The name of the format in the API of Proxmox VE. */
  readonly format: string;
  /** What it accepts, as far as we should. */
  readonly form: RegExp;
  readonly max: number;
  readonly isOurs: (text: string) => boolean;
}

const FORMS: readonly Form[] = [
  {
    what: 'a node',
    format: 'pve-node',
    form: /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
    max: 63,
    isOurs: (host) => vm({ placement: { host } }),
  },
  {
    what: 'a node in a path',
    format: 'pve-node',
    form: /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
    max: 63,
    isOurs: (text) => NodeParam.safeParse(text).success,
  },
  {
    what: 'a storage',
    format: 'pve-storage-id',
    form: /^[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]$/,
    max: 100,
    isOurs: (storage) => provider({ storage }),
  },
  {
    what: 'a storage in a path',
    format: 'pve-storage-id',
    form: /^[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]$/,
    max: 100,
    isOurs: (text) => StorageParam.safeParse(text).success,
  },
  {
    what: 'a pool',
    format: 'pve-poolid',
    form: /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){0,2}$/,
    max: 128,
    isOurs: (pool) => vm({ placement: { pool } }),
  },
  {
    what: 'a bridge',
    format: 'pve-bridge-id',
    form: /^[-_.a-zA-Z0-9]{1,15}$/,
    max: 15,
    isOurs: (bridge) => network({ bridge }),
  },
  {
    what: 'a MAC address',
    format: 'mac-addr',
    form: /^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$/,
    max: 17,
    isOurs: (mac) => network({ mac }),
  },
  {
    what: 'a tag',
    format: 'pve-tag',
    form: /^[a-zA-Z0-9_][a-zA-Z0-9_\-+.]*$/,
    max: 64,
    isOurs: (tag) => vm({ tags: [tag] }),
  },
  {
    // No built-in model begins with anything else, and the names of custom ones follow their prefix.
    what: 'a CPU model',
    format: 'pve-cpu-model',
    form: /^(custom-)?[a-zA-Z0-9][a-zA-Z0-9\-_.]*$/,
    max: 64,
    isOurs: (cpuType) => vmClass({ cpuType }),
  },
  {
    what: 'a snippet',
    format: 'pve-volume-id',
    form: /^[a-z][a-z0-9\-_.]*[a-z0-9]:snippets\/[a-zA-Z0-9_.+@=~-]+$/,
    max: 200,
    isOurs: (snippet) => vm({ userData: { cloudInit: { snippet } } }),
  },
  {
    // Files that may be imported have no other characters (pve-storage, SAFE_CHAR_CLASS_RE).
    what: 'a volume to import',
    format: 'pve-volume-id-or-absolute-path',
    form: /^[a-z][a-z0-9\-_.]*[a-z0-9]:import\/[a-zA-Z0-9_.+=-]+$/,
    max: 200,
    isOurs: (importFrom) => vm({ disks: [{ name: 'data', importFrom }] }),
  },
];

describe.each(FORMS)('the name of $what', ({ format, form, max, isOurs }) => {
  const names = textOf(form, max);

  test('may be whatever Proxmox VE accepts', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(formatComplaint(format, name)).toBeUndefined();
        expect(isOurs(name)).toBe(true);
      }),
    );
  });

  test('is nothing that Proxmox VE refuses', () => {
    fc.assert(
      fc.property(fc.oneof(nearly(names), nearly(nearly(names))), (name) => {
        if (isOurs(name)) expect(formatComplaint(format, name)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});

test('a machine type may be whatever Proxmox VE accepts, except those of aarch64', () => {
  const version = String.raw`-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?`;
  const types = textOf(new RegExp(`^(pc|pc(-i440fx)?${version}|q35|pc-q35${version})$`), 40);
  fc.assert(
    fc.property(types, (machine) => {
      expect(vmClass({ spec: { machine } })).toBe(true);
    }),
  );
});

test('the name of a template may be that of any VM in Proxmox VE', () => {
  const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
  // One of digits only is read as a VMID.
  const names = textOf(new RegExp(`^${label}(?:\\.${label})*$`), 255).filter((name) => /\D/.test(name));
  fc.assert(
    fc.property(names, (name) => {
      expect(formatComplaint('dns-name', name)).toBeUndefined();
      expect(VMImage.spec.safeParse({ source: name }).data?.source).toEqual({ name });
    }),
  );
});

describe('a user', () => {
  // pve-access-control: everything before the last @ that has a realm behind it is the name, also of OIDC and UPN.
  const USER = /^[!-.0-9;-~]{1,20}@[A-Za-z][A-Za-z0-9.\-_]{1,10}$/;
  const users = fc.oneof(textOf(USER, 64), fc.constantFrom('jane@corp.example@oidc', 'a!b@pve', "o'neil@ad"));
  const tokens = textOf(/^[A-Za-z][A-Za-z0-9.\-_]{1,10}$/, 64);
  const login = () => Promise.reject(new Error('not asked'));
  const asToken = (id: string) => () => createAuth({ kind: 'token', id, secret: 'x' }, login, () => 0);
  const asUser = (username: string) => () =>
    createAuth({ kind: 'password', username, password: 'x' }, login, () => 0);

  test('may have any name that Proxmox VE accepts, with a password or a token', () => {
    fc.assert(
      fc.property(users, tokens, (user, token) => {
        expect(formatComplaint('pve-userid', user)).toBeUndefined();
        expect(formatComplaint('pve-tokenid', `${user}!${token}`)).toBeUndefined();
        expect(asUser(user)).not.toThrow();
        expect(asToken(`${user}!${token}`)).not.toThrow();
        expect(granteeOf({ kind: 'token', id: `${user}!${token}`, secret: 'x' })).toEqual({ user, token });
      }),
    );
  });

  test('has no name that Proxmox VE refuses', () => {
    const refused = (make: () => unknown): boolean => {
      try {
        make();
        return false;
      } catch {
        return true;
      }
    };
    fc.assert(
      fc.property(nearly(users), tokens, (user, token) => {
        const text = user.trim();
        if (formatComplaint('pve-userid', text) !== undefined) expect(refused(asUser(text))).toBe(true);
        const id = `${text}!${token}`;
        if (formatComplaint('pve-tokenid', id) !== undefined) expect(refused(asToken(id))).toBe(true);
      }),
    );
  });

  test('is found in the IDs of tasks', () => {
    fc.assert(
      fc.property(users, tokens, (user, token) => {
        const who = `${user}!${token}`;
        const upid = `UPID:pve-1:0003A1B2:01C2D3E4:65F00000:qmstart:100:${who}:`;
        expect(parseUpid(upid)).toMatchObject({ user: who, id: '100' });
      }),
    );
  });
});

describe('what Proxmox VE writes is read', () => {
  test('as the size of a disk', () => {
    fc.assert(
      fc.property(textOf(/^\d{1,6}(\.\d{1,3})?[KMGT]?$/, 20), (size) => {
        expect(formatComplaint('disk-size', size)).toBeUndefined();
        expect(parseSize(size)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('as a volume', () => {
    fc.assert(
      fc.property(textOf(/^[a-zA-Z][a-zA-Z0-9\-_.]*[a-zA-Z0-9]:[!-~]+$/, 100), (volume) => {
        expect(formatComplaint('pve-volume-id', volume)).toBeUndefined();
        expect(parseVolumeId(volume)?.storage).toBe(volume.slice(0, volume.indexOf(':')));
      }),
    );
  });
});
