import { describe, expect, test } from '@jest/globals';
import { VMImage } from '../../../src/api/index.ts';
import { imageName } from '../../../src/cloudinit/index.ts';
import { vmid } from '../../../src/lib/units.ts';
import { aDigest } from '../../builders/guests.ts';

const parsed = (source: string | number) => VMImage.spec.safeParse({ source });

describe('the source of a VMImage', () => {
  test.each<[string | number, object]>([
    [9000, { vmid: 9000 }],
    ['9000', { vmid: 9000 }],
    ['ubuntu-22-template', { name: 'ubuntu-22-template' }],
    ['local:iso/debian-12.iso', { iso: 'local:iso/debian-12.iso' }],
    ['nfs.iso:iso/Win11_x64.ISO', { iso: 'nfs.iso:iso/Win11_x64.ISO' }],
    ['local:iso/tools.img', { iso: 'local:iso/tools.img' }],
  ])('%p is a template or an ISO image', (source, means) => {
    expect(parsed(source).data?.source).toEqual(means);
  });

  test('is no image with the cloud-init data of a VM, which holds its secrets', () => {
    const name = imageName(aDigest, vmid(101), { uid: 'a', files: [] });
    const { error } = parsed(`local:iso/${name}`);
    expect(error?.issues[0]?.message).toContain('cloud-init data');
  });
});
