import { describe, expect, test } from '@jest/globals';
import fc from '../../../builders/fast-check.ts';
import type { Provider, VirtualMachine } from '../../../../src/api/index.ts';
import { NamespaceLife, PARTS, TOKEN_SECRET, type Part } from '../../../builders/namespace-life.ts';

const NOTHING = { objects: [], guests: [], volumes: [], copies: [] };

interface Story {
  /** Seconds until the first deletion; absent: until the VM is ready. */
  readonly after?: number | undefined;
  readonly order: readonly Part[];
  /** Before each deletion: how many seconds pass, and whether the process ends after them. */
  readonly before: readonly { readonly ticks: number; readonly restart: boolean }[];
  /** Once everything is being deleted, somebody removes the Provider's finalizer. */
  readonly dropProvider?: boolean;
  /** Requests for copies that get no answer. */
  readonly failing?: readonly number[];
}

async function live({
  after,
  order,
  before,
  dropProvider = false,
  failing = [],
}: Story): Promise<NamespaceLife> {
  const life = new NamespaceLife();
  life.failingCopyCalls = new Set(failing);
  if (after === undefined) await life.until(() => life.isReady);
  else await life.ticks(after);
  for (const [index, part] of order.entries()) {
    const { ticks, restart } = before[index] ?? { ticks: 0, restart: false };
    await life.ticks(ticks);
    if (restart) await life.restart();
    life.delete(part);
  }
  const last = before[order.length];
  await life.ticks(last?.ticks ?? 0);
  if (dropProvider) life.loseProvider();
  if (last?.restart) await life.restart();
  await life.until(() => Object.values(life.left).every((left) => left.length === 0));
  await life.ticks(10);
  return life;
}

const permutations = <T>(items: readonly T[]): readonly (readonly T[])[] =>
  items.length === 0
    ? [[]]
    : items.flatMap((item) =>
        permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]),
      );

const VITAL = ['Secret', 'Provider', 'VirtualMachine'] as const;
const expectNothing = async (story: Story): Promise<void> => {
  const life = await live(story);
  expect(life.left).toEqual(NOTHING);
  expect(life.connections).toBe(0);
  expect(life.said.join('\n')).not.toContain(TOKEN_SECRET);
  await life.close();
};

describe('a namespace that is deleted', () => {
  test.each(permutations(VITAL))(
    'in the order %s, %s, %s leaves nothing, wherever the operator restarts',
    async (...order) => {
      for (let at = 0; at <= order.length; at += 1)
        await expectNothing({
          order,
          before: [...order, 'end'].map((_, index) => ({ ticks: 2, restart: index === at })),
        });
    },
    60_000,
  );

  test('leaves nothing, however little time its VM had before the Secret went', async () => {
    for (let after = 0; after <= 12; after += 1)
      await expectNothing({
        after,
        order: ['Secret', 'VirtualMachine', 'Provider'],
        before: [0, 2, 0].map((ticks, index) => ({ ticks, restart: index === 1 })),
      });
  });

  test('in any order, at any time, with any restarts, leaves nothing', async () => {
    const steps = fc.array(fc.record({ ticks: fc.nat(4), restart: fc.boolean() }), {
      minLength: PARTS.length + 1,
      maxLength: PARTS.length + 1,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.option(fc.nat(30), { nil: undefined }),
        fc.shuffledSubarray([...PARTS], { minLength: PARTS.length }),
        steps,
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
        (after, order, before, dropProvider, failing) =>
          expectNothing({ after, order, before, dropProvider, failing }),
      ),
      { numRuns: Number(process.env['VIRTRIGAUD_FAULT_RUNS'] ?? 20) },
    );
  }, 60_000);
});

describe('credentials that are withdrawn', () => {
  test('stop everything but deletions, and the VM says why', async () => {
    const life = new NamespaceLife();
    await life.until(() => life.isReady);
    expect(life.copies.size).toBe(1);
    life.delete('Secret');
    await life.ticks(7);
    const before = life.pve.requests.length;
    life.pve.guests.get(life.vm.live()!.status!.vmid!)!.running = false;
    await life.ticks(30);
    expect(life.pve.requests.slice(before)).toEqual([]);
    expect(life.connections).toBe(0);
    const ready = life.vm.live()?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'False', reason: 'ProviderNotReady' });
    expect(ready?.message).toContain('Secret default/pve not found');
    await life.restart();
    await life.ticks(10);
    expect(life.pve.requests.slice(before)).toEqual([]);
    life.delete('VirtualMachine');
    await life.until(() => life.vm.live() === undefined);
    await life.ticks(2);
    expect(life.left).toEqual({ ...NOTHING, objects: ['Provider'] });
    expect(life.connections).toBe(0);
    await life.close();
  });

  test('are what a Provider that is being deleted reports, together with who keeps it', async () => {
    const life = new NamespaceLife();
    await life.until(() => life.isReady);
    life.delete('Secret');
    life.delete('Provider');
    await life.ticks(2);
    const { conditions = [], healthy } = life.provider.live()!.status!;
    const reconciling = conditions.find(({ type }) => type === 'Reconciling');
    expect(healthy).toBe(false);
    expect(reconciling?.reason).toBe('SecretNotFound');
    expect(reconciling?.message).toContain('default/web');
    expect(reconciling?.message).toContain('Secret default/pve not found');
    await life.close();
  });
});

describe('credentials that became wrong', () => {
  const readyOf = ({ status }: { readonly status?: Provider['status'] | VirtualMachine['status'] }) =>
    status?.conditions?.find(({ type }) => type === 'Ready');

  test('make no VM over the connection that was opened with the earlier ones, and the Provider says so', async () => {
    const life = new NamespaceLife();
    life.delete('VMClass');
    await life.ticks(5);
    expect(readyOf(life.provider.live()!)).toMatchObject({ status: 'True' });
    life.tokenSecret = 'wrong';
    await life.ticks(12);
    expect(readyOf(life.provider.live()!)).toMatchObject({ reason: 'AuthenticationFailed' });
    expect(readyOf(life.provider.live()!)?.message).toContain('No VM is created until this is corrected');
    life.create('VMClass');
    await life.ticks(60);
    expect(life.left.guests).toEqual([]);
    expect(life.vm.live()?.status?.vmid).toBeUndefined();
    expect(readyOf(life.vm.live()!)).toMatchObject({ status: 'False', reason: 'ProviderNotReady' });
    expect(readyOf(life.vm.live()!)?.message).toContain('authentication fail');
    life.tokenSecret = TOKEN_SECRET;
    await life.until(() => life.isReady);
    await life.close();
  });

  test('leave a VM that exists managed over that connection, until the Secret is gone', async () => {
    const life = new NamespaceLife();
    await life.until(() => life.isReady);
    life.tokenSecret = 'wrong';
    await life.ticks(12);
    const guest = life.pve.guests.get(life.vm.live()!.status!.vmid!)!;
    guest.running = false;
    guest.digest += 1;
    await life.until(() => guest.running);
    life.delete('Secret');
    await life.ticks(12);
    expect(life.connections).toBe(0);
    await life.close();
  });
});

describe('a VM that is deleted by force', () => {
  test('is listed by its Provider while its guest exists, also after a restart', async () => {
    const life = new NamespaceLife();
    await life.until(() => life.isReady);
    const number = life.vm.live()!.status!.vmid!;
    life.vm.annotate({ 'virtrigaud.io/force-delete': 'true' });
    life.delete('VirtualMachine');
    await life.until(() => life.vm.live() === undefined);
    const listed = () => life.provider.live()?.status?.discovered?.vms;
    expect(listed()).toMatchObject([{ vmid: number, name: 'web', forceDeleted: true }]);
    await life.restart();
    await life.ticks(70);
    expect(listed()).toMatchObject([{ vmid: number, powerState: 'On', forceDeleted: true }]);
    life.pve.guests.delete(number);
    await life.ticks(10);
    expect(listed()).toBeUndefined();
    expect(life.copies.size).toBe(0);
    await life.close();
  });

  test.each(['Secret', 'Provider', 'connection'] as const)('goes although the %s is gone', async (gone) => {
    const life = new NamespaceLife();
    await life.until(() => life.isReady);
    if (gone !== 'connection') life.delete(gone);
    if (gone === 'Provider') life.loseProvider();
    await life.restart();
    life.answers = false;
    life.vm.annotate({ 'virtrigaud.io/force-delete': 'true' });
    life.delete('VirtualMachine');
    await life.ticks(10);
    expect(life.vm.live()).toBeUndefined();
    expect(life.left.guests).toHaveLength(1);
    await life.ticks(2);
    expect(life.copies.size).toBe(0);
    await life.close();
  });
});
