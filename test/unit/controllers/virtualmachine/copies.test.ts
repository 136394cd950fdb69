/** What becomes of each kind of clone, as docs/kinds/vmclone.md shows it. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CopyLife } from '../../../builders/copy-life.ts';

const PAGE = readFileSync('docs/kinds/vmclone.md', 'utf8');
const rowsOf = (page: string): readonly string[] =>
  page.split('\n').filter((line) => line.startsWith('| a '));

const STORAGES = {
  lvmthin: 'LVM-thin',
  dir: 'directory, qcow2',
  zfspool: 'ZFS',
  rbd: 'Ceph RBD',
  btrfs: 'Btrfs',
  lvm: 'LVM',
} as const;
type Storage = keyof typeof STORAGES;

const SOURCES = ['a VM', 'a snapshot', 'a template'] as const;

/** What the VM became, or why it was not made. */
async function outcome(
  storage: Storage,
  source: (typeof SOURCES)[number],
  { linked, running }: { readonly linked: boolean; readonly running: boolean },
): Promise<string> {
  const snapshot = source === 'a snapshot';
  const format = storage === 'dir' ? ',format=qcow2' : '';
  const from = snapshot ? { snapshotRef: { name: 'before-upgrade' } } : { vmRef: { name: 'db' } };
  const life = new CopyLife({
    ...{ storage, running, snapshot, template: source === 'a template' },
    config: { scsi0: `disks:10${format}` },
    vm: { spec: { cloneFrom: { ...from, linked } } },
  });
  const missing = snapshot ? await life.takeSnapshot() : undefined;
  if (missing !== undefined) return missing;
  await life.until(() => life.ready?.status === 'True' || life.ready?.reason === 'CloneNotPossible');
  return described(life, linked);
}

function described({ ready, status: { cloneType, placement } }: CopyLife, linked: boolean): string {
  if (ready?.status !== 'True') return ready?.reason ?? '';
  const { fullCloneReason } = placement ?? {};
  const type = cloneType ?? '';
  return fullCloneReason === undefined || !linked ? type : `${type}: ${fullCloneReason}`;
}

const ROWS = SOURCES.flatMap((source) =>
  (Object.keys(STORAGES) as Storage[]).map((storage) => [source, storage] as const),
);

test.each(ROWS)('the table in docs/kinds/vmclone.md is right about %s on %s', async (source, storage) => {
  const cells: string[] = [];
  for (const linked of [true, false]) {
    const seen = new Set<string>();
    // A full clone of a VM that is off differs in nothing from that of one that runs.
    const states = source === 'a template' ? [false] : linked ? [false, true] : [true];
    for (const running of states) seen.add(await outcome(storage, source, { linked, running }));
    cells.push([...seen].join(' / '));
  }
  expect(rowsOf(PAGE)).toContain(`| ${source} | ${STORAGES[storage]} | ${cells.join(' | ')} |`);
});
