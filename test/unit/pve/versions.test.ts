import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { compareVersions, ENDPOINTS, fitCall, fitParams, OPTION_LIFETIMES } from '../../../src/pve/index.ts';

const Lifetime = z.strictObject({ since: z.string().optional(), until: z.string().optional() });
const Endpoint = z.object({
  since: z.string().optional(),
  until: z.string().optional(),
  params: z.record(z.string(), Lifetime).default({}),
  former: z.record(z.string(), z.unknown()).default({}),
  checks: z.array(z.tuple([z.string(), z.unknown()])).default([]),
});
const Differences = z.object({ versions: z.array(z.string()), endpoints: z.record(z.string(), Endpoint) });

/** How the API differs between versions, written from the facts of each (hack/generate/pve-versions.ts). */
const { versions, endpoints } = Differences.parse(
  JSON.parse(readFileSync(new URL('../../fakepve/schema/versions.json', import.meta.url), 'utf8')),
);
const NONE = Endpoint.parse({});

const used = ENDPOINTS.map((endpoint) => {
  const { shape, def } = endpoint.params as z.ZodObject;
  const isOpen = def.catchall !== undefined && !(def.catchall instanceof z.ZodNever);
  const key = `${endpoint.method} ${endpoint.path}`;
  const sends = (name: string): boolean => isOpen || (name.split('.')[0] ?? '') in shape;
  return { key, endpoint, sends, facts: endpoints[key] ?? NONE };
});

describe('the endpoints that the operator uses', () => {
  test('exist in every version, or say from which one on', () => {
    expect(versions.at(0)).toBe('7.0');
    expect(used.flatMap(({ key, facts }) => (facts.until ? [key] : []))).toEqual([]);
    const differing = used.filter(({ endpoint, facts }) => endpoint.since !== facts.since);
    expect(differing.map(({ key }) => key)).toEqual([]);
  });

  test('are not sent to a version that does not have them', () => {
    const young = used.filter(({ endpoint }) => endpoint.since !== undefined);
    expect(young).not.toEqual([]);
    for (const { endpoint } of young) {
      expect(fitCall(endpoint, {}, '8.4').unsupported).toHaveLength(1);
      expect(fitCall(endpoint, {}, '9.2').unsupported).toEqual([]);
    }
  });

  test.each(used.map((each) => [each.key, each] as const))(
    'of %s the parameters that only some versions have are in the table',
    (key, { endpoint, sends, facts }) => {
      const expected = Object.entries(facts.params).filter(([name]) => sends(name));
      const table = Object.entries(endpoint.lifetimes ?? {})
        // POST has it, PUT does not; the operator sets it nowhere.
        .filter(([name]) => !(key.startsWith('PUT') && name === 'import-working-storage'))
        .filter(([name]) => !name.includes('='))
        .map(([name, { omissible: _omissible, ...lifetime }]) => [name, lifetime] as const);
      expect(Object.fromEntries(table)).toEqual(Object.fromEntries(expected));
    },
  );

  /** Whose values some versions define otherwise; what the operator sends is valid in all. */
  const VALID_IN_ALL = new Set([
    // 7.x calls the list of arguments a string, which it splits where the parameter is repeated.
    'POST /nodes/{node}/qemu/{vmid}/agent/exec command',
    // `any_bridge` is in all.
    'GET /nodes/{node}/network type',
    'POST /nodes/{node}/storage/{storage}/upload content',
    'POST /nodes/{node}/storage/{storage}/upload filename',
    // Sent only where a storage that keeps files has content type `import`, as none has before 8.4.
    'POST /nodes/{node}/storage/{storage}/download-url content',
    'POST /nodes/{node}/qemu/{vmid}/move_disk storage',
    // 7.0 lists no TPM: see the values below.
    'POST /nodes/{node}/qemu/{vmid}/move_disk disk',
    'PUT /nodes/{node}/qemu/{vmid}/resize disk',
    'POST /nodes/{node}/qemu/{vmid}/migrate targetstorage',
  ]);

  test('define what the operator sends in the same way in all versions, with known exceptions', () => {
    const differing = used
      // Options of a guest are checked with the configuration.
      .filter(({ endpoint }) => endpoint.lifetimes?.['efidisk0.efitype'] === undefined)
      .flatMap(({ key, sends, facts }) =>
        Object.keys(facts.former).flatMap((name) => (sends(name) ? [`${key} ${name}`] : [])),
      );
    expect(differing.toSorted()).toEqual([...VALID_IN_ALL].toSorted());
  });

  // Where a version lists no values, its code decides.
  const Former = z.array(z.tuple([z.string(), z.object({ enum: z.array(z.string()).default([]) })]));

  test('accept a value that only some versions have from the version on that the table says', () => {
    const values = used.flatMap(({ key, endpoint, facts }) =>
      Object.entries(endpoint.lifetimes ?? {}).flatMap(([name, { since }]) => {
        const [parameter = '', value] = name.split('=');
        if (value === undefined) return [];
        const former = Former.parse(facts.former[parameter]).filter(
          ([, { enum: all }]) => !all.includes(value),
        );
        return [[`${key} ${name}`, since, versions[versions.indexOf(former.at(-1)?.[0] ?? '') + 1]] as const];
      }),
    );
    expect(values.length).toBeGreaterThan(0);
    for (const [, inTable, inFacts] of values) expect(inTable).toBe(inFacts);
  });

  const Perm = z.tuple([z.literal('perm'), z.string(), z.array(z.string())]).rest(z.unknown());

  test('need the privileges that each version checks', () => {
    const checked = used.flatMap(({ key, endpoint, facts }) =>
      facts.checks.flatMap(([until, check]) => {
        const perm = Perm.safeParse(check);
        if (!perm.success) return [];
        const [, path, privileges] = perm.data;
        const major = Number.parseInt(until, 10);
        const needs = endpoint.needs.filter(
          ({ since = 0, until: last = Infinity }) => since <= major && major <= last,
        );
        const met = needs.some((need) => need.path === path && privileges.includes(need.anyOf[0]));
        return [[`${key} until ${until}`, met] as const];
      }),
    );
    expect(checked.length).toBeGreaterThan(0);
    expect(checked.filter(([, met]) => !met)).toEqual([]);
  });
});

describe('a request for an older version', () => {
  const fit = (params: Readonly<Record<string, string | number>>, version: string | undefined) =>
    fitParams(params, OPTION_LIFETIMES, version);

  test('lacks what is enough without it', () => {
    const params = { ciupgrade: '0', sshkeys: 'a', description: 'efitype=4m, ciupgrade=1' };
    expect(fit(params, '8.0')).toEqual({ params, unsupported: [] });
    const { ciupgrade: _, ...rest } = params;
    expect(fit(params, '7.4')).toEqual({ params: rest, unsupported: [] });
  });

  test('lacks properties that the version does not have, and keeps the others', () => {
    const efidisk0 = 'local-lvm:1,efitype=4m,pre-enrolled-keys=0';
    expect(fit({ efidisk0 }, '7.2').params).toEqual({ efidisk0 });
    expect(fit({ efidisk0 }, '7.0')).toEqual({ params: { efidisk0: 'local-lvm:1' }, unsupported: [] });
  });

  test('names what it cannot do', () => {
    const { params, unsupported } = fit(
      { cores: 2, tpmstate0: 'local-lvm:1,version=v2.0', scsi3: 'a:0,import-from=b:import/c.raw' },
      '7.0',
    );
    expect(params).toEqual({ cores: 2, scsi3: 'a:0,import-from=b:import/c.raw' });
    expect(unsupported).toEqual([
      { name: 'tpmstate0', lifetime: { since: '7.2' } },
      { name: 'scsi3.import-from', lifetime: { since: '7.2' } },
    ]);
  });

  test('is not sent for a value that the version does not have', () => {
    const lifetimes = { 'disk=tpmstate0': { since: '7.2' } };
    expect(fitParams({ disk: 'tpmstate0' }, lifetimes, '7.0').unsupported).toEqual([
      { name: 'disk=tpmstate0', lifetime: { since: '7.2' } },
    ]);
    for (const params of [{ disk: 'tpmstate0' }, { disk: 'scsi0' }])
      expect(fitParams(params, lifetimes, '7.2')).toEqual({ params, unsupported: [] });
  });

  test('deletes no option that the version does not have', () => {
    expect(fit({ delete: 'net1,ciupgrade,net2' }, '7.4').params).toEqual({ delete: 'net1,net2' });
    expect(fit({ delete: 'ciupgrade' }, '7.4').params).toEqual({});
  });

  test('is complete where the version is not known', () => {
    const params = { ciupgrade: '0', tpmstate0: 'local-lvm:1' };
    expect(fit(params, undefined)).toEqual({ params, unsupported: [] });
  });

  test('what a newer version dropped is left out there', () => {
    expect(fit({ scsi0: 'a:vm-1-disk-0,cyls=4' }, '9.0').unsupported).toMatchObject([{ name: 'scsi0.cyls' }]);
    expect(fit({ scsi0: 'a:vm-1-disk-0,cyls=4' }, '8.4').unsupported).toEqual([]);
  });
});

test('versions are compared by number', () => {
  expect(['9.10', '10.0', '9.2', '8.4'].toSorted(compareVersions)).toEqual(['8.4', '9.2', '9.10', '10.0']);
});
