/** With any fault on the way, a VM that is reverted to its first boot starts, and its cloud-init image is neither lost nor left behind. */
import { test } from '@jest/globals';
import type { ModelGuest } from '../../../../builders/in-memory-pve.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';
import { Reverting } from '../../../../builders/reverting.ts';
import { Saboteur } from '../../../../builders/saboteur.ts';
import { manyFaults, oneFaultEach, type Story } from './everywhere.ts';

const INLINE = { userData: { cloudInit: { inline: '#cloud-config\npackages: [nginx]\n' } } };

const guestOf = (life: Life): ModelGuest => {
  const [guest] = life.pve.guestsOf(UID);
  if (!guest) throw new Error('there is no guest');
  return guest;
};

const isEmpty = ({ config }: ModelGuest): boolean => config['ide2']?.startsWith('none,') === true;

/** A VM that has read its image since a snapshot was taken. */
async function withSnapshot(): Promise<Life> {
  const life = new Life({ vm: { spec: INLINE } });
  await life.until(() => life.pve.guestsOf(UID).length > 0);
  const guest = guestOf(life);
  guest.agent = 'silent';
  await life.untilReady();
  const config = { ...guest.config };
  guest.snapshots.set('first', {
    description: '',
    memory: false,
    takenAt: life.now,
    parent: undefined,
    config,
  });
  guest.agent = 'running';
  life.process.processStates.invalidate(UID);
  await life.until(() => life.status.internal?.cloudInit?.keptBy === 'first');
  await life.untilAtRest();
  return life;
}

/** The faults begin with the revert, and go on until the last snapshot is gone and the image with it. */
const revert =
  (from: Life, { isImageLost }: { readonly isImageLost: boolean }): Story =>
  async (faults) => {
    let armedAt = Infinity;
    const snapshots: Reverting[] = [];
    const calls: string[] = [];
    const saboteur = new Saboteur((call, what) => {
      if (call > armedAt) calls.push(what);
      return faults.get(call - armedAt);
    });
    const life = new Life({
      from,
      snapshots: () => snapshots.flatMap((each) => each.snapshots),
      between: saboteur.between,
      isDead: saboteur.isDead,
    });
    await life.untilAtRest();
    const guest = guestOf(life);
    const reverting = new Reverting(life);
    reverting.config = guest.snapshots.get('first')?.config ?? {};
    if (isImageLost) life.pve.volumes.clear();
    snapshots.push(reverting);
    armedAt = saboteur.called.length;
    reverting.announce();
    let bootedWith: string | undefined;
    await life.until(() => {
      reverting.step(life);
      const isRestored = life.status.internal?.revert?.state === 'Restored';
      if (isRestored && guest.running) bootedWith ??= guest.config['ide2'];
      return isRestored && guest.running && isEmpty(guest);
    });
    await life.untilReady();
    const kept = [...life.pve.volumes].length;
    guest.snapshots.delete('first');
    life.process.processStates.invalidate(UID);
    await life.until(() => life.status.internal?.cloudInit?.volume === undefined);
    return {
      calls,
      seen: {
        rollbacks: reverting.rollbacks,
        bootedWithImage: bootedWith?.includes('virtrigaud-'),
        kept,
        left: [...life.pve.volumes],
      },
    };
  };

test.each([
  ['with the image', false],
  ['without an image that is gone', true],
])(
  '%s, if any one call fails',
  async (_, isImageLost) => {
    const end = { rollbacks: 1, bootedWithImage: !isImageLost, kept: isImageLost ? 0 : 1, left: [] };
    await oneFaultEach(revert(await withSnapshot(), { isImageLost }), end);
  },
  240_000,
);

test('with the image, if many calls fail', async () => {
  const end = { rollbacks: 1, bootedWithImage: true, kept: 1, left: [] };
  await manyFaults(revert(await withSnapshot(), { isImageLost: false }), end);
}, 240_000);
