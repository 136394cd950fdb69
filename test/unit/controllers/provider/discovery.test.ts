import { describe, expect, test } from '@jest/globals';
import { discover } from '../../../../controllers/provider/discovery.ts';
import { ignoredFields } from '../../../../controllers/provider/report.ts';
import { bytes, GiB, vmid } from '../../../../src/lib/units.ts';
import { atOnce } from '../../../builders/at-once.ts';
import { aProvider } from '../../../builders/objects.ts';
import { aRow, aTemplateRow, aView } from '../../../builders/views.ts';

const web = aRow({ vmid: vmid(110), name: 'web-1' });
const db = aRow({ vmid: vmid(105), name: 'db', status: 'stopped', maxcpu: 8, maxmem: bytes(16 * GiB) });
const view = aView({
  guests: [
    web,
    db,
    aTemplateRow(),
    aRow({ vmid: vmid(120), type: 'lxc', name: 'ct' }),
    aRow({ vmid: vmid(130) }),
  ],
});

function found(filter?: string) {
  const annotations = {
    'virtrigaud.io/adopt-vms': 'true',
    ...(filter !== undefined && { 'virtrigaud.io/adopt-filter': filter }),
  };
  const provider = aProvider();
  return atOnce(
    discover(
      { ...provider, metadata: { ...provider.metadata, annotations } },
      view,
      () => new Set([vmid(130)]),
    ),
  );
}
const names = (filter?: string) => {
  const discovery = found(filter);
  return discovery?.ok ? discovery.discovered.vms.map(({ name }) => name) : discovery?.problem;
};

describe('the VMs that could be adopted', () => {
  test('are those that no VirtualMachine has, by number; templates and containers are none', () => {
    expect(found()).toEqual({
      ok: true,
      discovered: {
        count: 2,
        vms: [
          { vmid: 105, name: 'db', node: 'pve-1', powerState: 'Off', cpus: 8, memory: '16Gi' },
          { vmid: 110, name: 'web-1', node: 'pve-1', powerState: 'On', cpus: 2, memory: '2Gi' },
        ],
      },
    });
  });

  test('are not listed unless the annotation requests it', () => {
    expect(atOnce(discover(aProvider(), view, () => new Set()))).toBeUndefined();
  });

  test.each([
    ['{"namePattern": "web-*"}', ['web-1']],
    ['{"namePattern": "d?"}', ['db']],
    ['{"namePattern": "w.*"}', []],
    ['{"namePattern": "*e*-?"}', ['web-1']],
    ['{"namePattern": "web-1*1"}', []],
    ['{"namePattern": "*"}', ['db', 'web-1']],
    ['{"powerState": "Off"}', ['db']],
    ['{"minCPU": 4}', ['db']],
    ['{"maxCPU": 4}', ['web-1']],
    ['{"minMemoryMiB": 4096}', ['db']],
    ['{"maxMemoryMiB": 4096, "powerState": "Off"}', []],
  ])('are those that %s lets through', (filter, expected) => {
    expect(names(filter)).toEqual(expected);
  });

  test.each([
    ['{"minCpu": 4}', 'minCpu'],
    ['{"powerState": "Suspended"}', 'powerState'],
    ['{', 'is not JSON'],
  ])('are not listed with the filter %s, and that is reported', (filter, says) => {
    const discovery = found(filter);
    expect(names(filter)).toContain(says);
    const [condition] = ignoredFields(aProvider().spec, { discovery });
    expect(condition).toMatchObject({ type: 'FieldsIgnored', status: 'True' });
    expect(condition?.message).toContain('virtrigaud.io/adopt-filter is invalid');
  });
});
