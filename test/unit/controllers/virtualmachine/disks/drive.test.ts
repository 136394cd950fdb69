import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import {
  formatFor,
  hasSerialOf,
  newDriveText,
  serialOf,
  withOptions,
} from '../../../../../controllers/virtualmachine/disks/drive.ts';
import type { DiskOptions } from '../../../../../controllers/virtualmachine/model/disks.ts';
import { parseDisk, parseProperties, property } from '../../../../../src/pve/index.ts';
import { bytes, GiB, MiB } from '../../../../../src/lib/units.ts';

const TEXT = 'tank:vm-101-disk-1,backup=0,cache=writeback,iops_rd=100,serial=data,size=10G';

describe('the text of a drive', () => {
  test.each<[DiskOptions, string]>([
    [{}, TEXT],
    [{ cache: 'writeback', limits: { readIOPS: 100 } }, TEXT],
    [{ cache: 'none' }, TEXT.replace('cache=writeback,', '')],
    [{ limits: { readIOPS: 0 } }, TEXT.replace('iops_rd=100,', '')],
    [{ limits: { readIOPS: 200, writeMBps: 50 } }, `${TEXT.replace('100', '200')},mbps_wr=50`],
    [{ discard: true, ssd: true, iothread: true }, `${TEXT},discard=on,ssd=1,iothread=1`],
    [{ discard: false, ssd: false, iothread: false }, TEXT],
    [{ aio: 'threads', replicate: false, backup: false }, `${TEXT},aio=threads,replicate=0`],
    [{ backup: true, replicate: true }, TEXT.replace('backup=0,', '')],
  ])('with %j keeps everything else', (options, expected) => {
    expect(withOptions(TEXT, options, bytes(10 * GiB))).toBe(expected);
  });

  test.each(['cache=none', 'discard=ignore', 'ssd=0', 'iothread=0', 'iops_rd=0', 'backup=1', 'replicate=1'])(
    'that says %s outright is left alone where that is desired',
    (word) => {
      const text = `tank:vm-101-disk-1,${word},size=1G`;
      const off = {
        ...{ cache: 'none', discard: false, ssd: false, iothread: false, limits: { readIOPS: 0 } },
        ...{ backup: true, replicate: true },
      };
      expect(withOptions(text, off, bytes(GiB))).toBe(text);
    },
  );

  test('never restores the size that the disk had when a change was written', () => {
    expect(withOptions(TEXT, {}, bytes(20 * GiB))).toBe(TEXT.replace('10G', '20G'));
    expect(withOptions(TEXT, {}, undefined)).toBe(TEXT);
  });

  test('is the same when the options are applied a second time', () => {
    const options = fc.record(
      {
        cache: fc.constantFrom('none', 'writeback'),
        discard: fc.boolean(),
        ssd: fc.boolean(),
        iothread: fc.boolean(),
        aio: fc.constantFrom('io_uring', 'threads'),
        backup: fc.boolean(),
        replicate: fc.boolean(),
        limits: fc.record(
          { readIOPS: fc.constantFrom(0, 7), writeMBps: fc.constantFrom(0, 9) },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    );
    const texts = fc.constantFrom(
      TEXT,
      'a:b,discard=on,ssd=on',
      'file=a:b,size=1T,iothread=yes',
      'a:b',
      'a:b,backup=no',
    );
    fc.assert(
      fc.property(texts, options, (text, digests) => {
        const once = withOptions(text, digests, undefined);
        expect(withOptions(once, digests, undefined)).toBe(once);
        expect(parseDisk(once).volume).toBe(parseDisk(text).volume);
        expect(parseDisk(once).size).toBe(parseDisk(text).size);
      }),
    );
  });
});

test.each([
  ['mbps_rd=200.0', { readMBps: 200 }],
  ['mbps_wr=2e2', { writeMBps: 200 }],
  ['iops_rd=0500', { readIOPS: 500 }],
])('a limit is the same number however it is written: %s', (written, limits) => {
  const text = `local-lvm:vm-101-disk-1,${written},size=20G`;
  expect(withOptions(text, { limits }, undefined)).toBe(text);
});

describe('a new drive', () => {
  test('is asked for in GiB, with its name as serial number', () => {
    const disk = { name: 'data', size: bytes(512 * MiB), options: { ssd: true } };
    expect(newDriveText(disk, 'tank')).toBe('tank:0.5,serial=data,ssd=1');
    expect(newDriveText(disk, 'nfs', 'qcow2')).toBe('nfs:0.5,format=qcow2,serial=data,ssd=1');
  });

  test('that is imported has the size of its source', () => {
    const disk = { name: 'data', size: bytes(40 * GiB), importFrom: 'local:import/a.qcow2', options: {} };
    expect(newDriveText(disk, 'tank')).toBe('tank:0,import-from=local:import/a.qcow2,serial=data');
  });

  test('is never smaller than desired', () => {
    fc.assert(
      fc.property(fc.integer({ min: MiB, max: 2 ** 50 }), (size) => {
        const text = newDriveText({ name: 'a', size: bytes(size), options: {} }, 's');
        expect(Math.floor(Number(/:([\d.]+),/.exec(text)?.[1]) * GiB)).toBeGreaterThanOrEqual(size);
      }),
    );
  });
});

describe('a serial number', () => {
  test('is the name, shortened so that QEMU takes it and two names never share one', () => {
    const [one, other] = ['a-name-that-is-far-too-long-1', 'a-name-that-is-far-too-long-2'].map(serialOf);
    expect(serialOf('data')).toBe('data');
    expect(one).toHaveLength(20);
    expect(one).not.toBe(other);
    expect(hasSerialOf(`tank:x,serial=${one ?? ''}`, 'a-name-that-is-far-too-long-1')).toBe(true);
    expect(property(parseProperties(TEXT), 'serial')).toBe('data');
  });
});

test.each([
  ['dir', 'thin', 'qcow2'],
  ['nfs', undefined, 'qcow2'],
  ['dir', 'thick', undefined],
  ['lvmthin', 'thin', undefined],
  ['rbd', undefined, undefined],
] as const)(
  'on a storage of type %s for a class that says %s a disk has the format %s',
  (type, says, format) => {
    expect(formatFor(type, says)).toBe(format);
  },
);
