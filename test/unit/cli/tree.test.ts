import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { treeOf } from '../../../src/cli/commands/snapshots.ts';
import { treeLines } from '../../../src/cli/output/tree.ts';
import { stored } from '../../builders/cli-call.ts';

const drawn = (entries: Parameters<typeof treeLines>[0]): string =>
  treeLines(entries)
    .map(({ branch, entry }) => `${branch}${entry.name}\n`)
    .join('');

describe('a tree of snapshots', () => {
  test('has each below the one that it is based on, the oldest first', () => {
    expect(
      drawn([
        { name: 'c', parent: 'a', creationTime: '2026-03-03T00:00:00Z' },
        { name: 'd', parent: 'b', creationTime: '2026-03-04T00:00:00Z' },
        { name: 'b', parent: 'a', creationTime: '2026-03-02T00:00:00Z' },
        { name: 'a', creationTime: '2026-03-01T00:00:00Z' },
      ]),
    ).toBe('a\n├─ b\n│  └─ d\n└─ c\n');
  });

  test('begins with those whose parent is not known', () => {
    expect(drawn([{ name: 'b', parent: 'gone' }, { name: 'a' }])).toBe('a\nb\n');
  });

  test('has every snapshot once, whatever the parents are', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const entries = fc.uniqueArray(fc.record({ name, parent: fc.option(name, { nil: undefined }) }), {
      selector: (entry) => entry.name,
    });
    fc.assert(
      fc.property(entries, (all) => {
        const lines = treeLines(all).map(({ entry }) => entry.name);
        expect(lines.toSorted()).toEqual(all.map((entry) => entry.name).toSorted());
      }),
    );
  });

  test('has those of others, and those that are still to be taken', () => {
    const vm = stored('VirtualMachine', 'web', {
      status: {
        snapshots: [
          {
            name: 'mine',
            vmSnapshot: 'mine',
            parent: 'theirs',
            creationTime: '2026-03-01T11:00:00Z',
            memory: true,
          },
          { name: 'theirs', creationTime: '2026-03-01T10:00:00Z' },
        ],
      },
    });
    const waiting = { conditions: [{ type: 'Ready', status: 'False', reason: 'VMBusy' }] };
    const objects = [
      stored('VMSnapshot', 'mine', {
        status: { conditions: [{ type: 'Ready', status: 'True' }], observedGeneration: 0 },
      }),
      stored('VMSnapshot', 'next', { status: waiting }),
    ];
    expect(
      treeOf(vm, objects, new Date('2026-03-01T12:00:00Z'))
        .split('\n')
        .map((row) => row.split(/ {2,}/)),
    ).toEqual([
      ['SNAPSHOT', 'VMSNAPSHOT', 'READY', 'MEMORY', 'AGE'],
      ['next', 'next', 'VMBusy', '<unknown>', '<unknown>'],
      ['theirs', '<none>', '<none>', '<unknown>', '120m'],
      ['└─ mine', 'mine', 'True', 'true', '60m'],
      [''],
    ]);
  });
});
