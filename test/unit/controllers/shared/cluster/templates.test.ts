import { describe, expect, test } from '@jest/globals';
import { templatesNamed } from '../../../../../controllers/shared/cluster/templates.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import type { WantedTemplates } from '../../../../../controllers/shared/images/wanted.ts';
import type { View } from '../../../../../src/pve/index.ts';
import { aGrant } from '../../../../builders/objects.ts';
import { aRow, aTemplateRow, aView } from '../../../../builders/views.ts';

const NAME = 'ubuntu-22-template';
const copyOn = (node: string, id: number) => aTemplateRow({ vmid: vmid(id), node: nodeName(node) });
const found = (source: WantedTemplates, view: View, grant = aGrant()) => {
  const result = templatesNamed(source, view, grant);
  return result.ok ? result.guests.map((guest) => guest.vmid) : result.reason;
};

describe('a template by name', () => {
  test('may have one copy a node', () => {
    const view = aView({ guests: [copyOn('pve-1', 9000), copyOn('pve-2', 9001)] });
    expect(found({ name: NAME }, view)).toEqual([9000, 9001]);
  });

  test('two-templates-same-name-is-an-error-with-list: is refused where a node has two, with the list of them', () => {
    const view = aView({ guests: [copyOn('pve-1', 9000), copyOn('pve-1', 9001), copyOn('pve-2', 9002)] });
    expect(templatesNamed({ name: NAME }, view, aGrant())).toMatchObject({
      ok: false,
      reason: 'TemplateAmbiguous',
      message: expect.stringContaining('9000 on pve-1, 9001 on pve-1, 9002 on pve-2'),
    });
  });

  test('is no ordinary VM and no container of that name', () => {
    const guests = [
      aRow({ vmid: vmid(101), name: NAME }),
      aRow({ vmid: vmid(102), name: NAME, type: 'lxc', template: true }),
    ];
    expect(found({ name: NAME }, aView({ guests }))).toBe('TemplateNotFound');
  });
});

describe('a template by name, on a node that is offline', () => {
  const nameless = (node: string, id: number) =>
    aRow({ vmid: vmid(id), node: nodeName(node), name: undefined, status: 'unknown', nodeOffline: true });

  test('may be one that Proxmox VE no longer names: that is said, and not that there is none', () => {
    const view = aView({
      guests: [nameless('pve-3', 9001), nameless('pve-2', 9000), nameless('pve-2', 101)],
    });
    expect(templatesNamed({ name: NAME }, view, aGrant())).toEqual({
      ok: false,
      reason: 'TemplateUnreachable',
      message:
        'No template named "ubuntu-22-template" is on a node that is online. It may be on pve-2 or pve-3, which is offline: Proxmox VE does not name the guests there. Bring the node back, or provide a copy of the template on another node.',
    });
  });

  test('does not matter where another node has a copy', () => {
    const view = aView({ guests: [nameless('pve-2', 9000), copyOn('pve-1', 9001)] });
    expect(found({ name: NAME }, view)).toEqual([9001]);
  });
});

describe('a name that no template has', () => {
  const view = aView({
    guests: [
      aRow({ vmid: vmid(101), name: 'web' }),
      aTemplateRow({ vmid: vmid(900), name: 'debian-13' }),
      aTemplateRow({ vmid: vmid(901), name: 'alpine' }),
    ],
  });
  const said = (name: string, grant = aGrant()) => {
    const result = templatesNamed({ name }, view, grant);
    return result.ok ? '' : result.message;
  };

  test('is answered with the names that there are', () => {
    expect(said('debain-13')).toContain('the templates there are debian-13, alpine. Correct spec.source');
  });

  test('and that an ordinary VM has is answered with its VMID, to those who may clone it', () => {
    expect(said('web')).toContain('"web" is VM 101 in Proxmox VE, which is not a template');
    const closed = aGrant({ namespaces: { names: ['default'] } });
    expect(said('web', closed)).not.toContain('101');
    expect(said('web', closed)).toContain('there are alpine, debian-13');
  });
});

describe('a template by VMID', () => {
  test('may be an ordinary VM', () => {
    expect(found({ vmid: vmid(101) }, aView({ guests: [aRow()] }))).toEqual([101]);
  });

  test('is no container, and what is not seen is reported with the privilege to see it', () => {
    const view = aView({ guests: [aRow({ type: 'lxc' })] });
    expect(templatesNamed({ vmid: vmid(101) }, view, aGrant())).toMatchObject({
      reason: 'TemplateNotFound',
      message: expect.stringContaining('VM.Audit on /vms/101'),
    });
  });

  test('for another namespace is an ordinary VM only if it is granted, and else reads as one that does not exist', () => {
    const view = aView({ guests: [aRow({ tags: ['Golden'] })] });
    const closed = aGrant({ namespaces: { names: ['default'] } });
    const granted = aGrant({ namespaces: { names: ['*'] }, sources: [{ tag: 'golden' }] });
    expect(found({ vmid: vmid(101) }, view, granted)).toEqual([101]);
    expect(
      found({ vmid: vmid(101) }, aView({ guests: [aTemplateRow({ vmid: vmid(101) })] }), closed),
    ).toEqual([101]);
    const refused = templatesNamed({ vmid: vmid(101) }, view, closed);
    expect(refused).toMatchObject({ ok: false, reason: 'TemplateNotFound' });
    expect(refused).toEqual(templatesNamed({ vmid: vmid(101) }, aView(), closed));
  });
});

describe('a template by tag', () => {
  const tagged = (node: string, id: number, ...tags: string[]) =>
    aTemplateRow({ vmid: vmid(id), node: nodeName(node), tags });

  test('may be one a node, under any name, and case does not matter', () => {
    const guests = [
      tagged('pve-1', 9000, 'Golden', 'linux'),
      tagged('pve-2', 9001, 'golden'),
      tagged('pve-1', 9002, 'linux'),
      aRow({ vmid: vmid(101), tags: ['golden'] }),
    ];
    expect(found({ tag: 'golden' }, aView({ guests }))).toEqual([9000, 9001]);
  });

  test('is refused where a node has two, with the list of them', () => {
    const view = aView({ guests: [tagged('pve-1', 9000, 'golden'), tagged('pve-1', 9001, 'golden')] });
    expect(templatesNamed({ tag: 'golden' }, view, aGrant())).toMatchObject({
      reason: 'TemplateAmbiguous',
      message: expect.stringContaining('have the tag "golden": 9000 on pve-1, 9001 on pve-1'),
    });
  });

  test('that does not exist is reported with the tags that there are', () => {
    const view = aView({ guests: [tagged('pve-1', 9000, 'gold')] });
    expect(templatesNamed({ tag: 'golden' }, view, aGrant())).toMatchObject({
      reason: 'TemplateNotFound',
      message: expect.stringContaining('templates there have the tags gold'),
    });
  });
});

describe('the templates that were made for a VMImage', () => {
  const made = (...all: number[]) => ({
    made: all.map((each) => vmid(each)),
    mark: { cluster: 'c1', uid: 'uid' },
    progress: 'It is downloaded.',
    name: 'VMImage default/ubuntu',
    spec: {},
    making: [],
    failing: [],
  });

  test('are those that the list of guests has, also while it does not know yet that they are templates', () => {
    const guests = [
      copyOn('pve-1', 9000),
      aRow({ vmid: vmid(9001), template: false }),
      copyOn('pve-2', 9002),
    ];
    expect(found(made(9000, 9001, 9003), aView({ guests }))).toEqual([9000, 9001]);
  });

  test('are waited for while there is none, with how far they are', () => {
    expect(templatesNamed(made(9000), aView(), aGrant())).toEqual({
      ok: false,
      reason: 'ImageNotReady',
      message: 'It is downloaded.',
    });
  });
});
