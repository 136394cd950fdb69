/** An object without a VMID looks at the guests that carry the mark of an object of its name. */
import { describe, expect, test } from '@jest/globals';
import { plan } from '../../../../../controllers/virtualmachine/plan/plan.ts';
import type { MarkedGuest } from '../../../../../controllers/shared/guests/marks.ts';
import { nodeName, vmid } from '../../../../../src/lib/units.ts';
import { aDesiredVm, aMark, aNamesake, FORMER, observed } from '../../../../builders/guests.ts';
import { OTHER_UID, UID } from '../../../../builders/objects.ts';

const COPY_UUID = '11111111-2222-3333-4444-555555555555';
const copy = (number: number, change: Partial<MarkedGuest> = {}): MarkedGuest =>
  aNamesake({ vmid: vmid(number), uuid: COPY_UUID, ...change });

const planned = (...namesakes: readonly MarkedGuest[]) => plan(aDesiredVm(), observed({ namesakes }));
const messageOf = (...namesakes: readonly MarkedGuest[]): string => {
  const next = planned(...namesakes);
  return 'message' in next ? next.message : '';
};

describe('the guest with the mark and the UUID of the object', () => {
  test('is claimed again', () => {
    expect(planned(aNamesake())).toEqual({ kind: 'act', step: { do: 'reserve', vmid: 101, recovers: true } });
  });

  test('is claimed also where clones of it come first in the list', () => {
    expect(planned(copy(99), aNamesake(), copy(102))).toEqual({
      kind: 'act',
      step: { do: 'reserve', vmid: 101, recovers: true },
    });
  });

  test('is claimed as adopted where the line of the mark names its UUID', () => {
    const adopted = copy(105, { mark: aMark({ uuid: COPY_UUID }) });
    expect(planned(copy(99, { mark: aMark({ uuid: COPY_UUID }), uuid: OTHER_UID }), adopted)).toEqual({
      kind: 'act',
      step: { do: 'reserve', vmid: 105, recovers: true, adopts: true },
    });
  });

  test('is claimed also as a template', () => {
    expect(planned(aNamesake({ template: true }))).toMatchObject({ step: { do: 'reserve', vmid: 101 } });
  });

  test('is not chosen among several', () => {
    const second = aNamesake({ vmid: vmid(105), node: nodeName('pve-2') });
    expect(planned(aNamesake(), second, copy(106))).toMatchObject({
      kind: 'refuse',
      reason: 'AmbiguousIdentity',
    });
    const message = messageOf(aNamesake(), second);
    expect(message).toContain('VM 101 on node pve-1, VM 105 on node pve-2');
    expect(message).toContain(`virtrigaud: cluster-1/default/web/${UID}`);
  });
});

describe('guests that only have the mark', () => {
  test('are not claimed, and no other is created', () => {
    expect(planned(copy(105))).toMatchObject({ kind: 'refuse', reason: 'UuidMismatch' });
    const message = messageOf(copy(105));
    expect(message).toContain('VM 105 on node pve-1');
    expect(message).toContain('set spec.adopt.vmid to 105');
    expect(message).toContain(`virtrigaud: cluster-1/default/web/${UID} uuid=${COPY_UUID}`);
  });

  test('are all named, each with the line that makes it the VM of the object', () => {
    const all = [copy(105), copy(106, { uuid: OTHER_UID })];
    expect(planned(...all)).toMatchObject({ kind: 'refuse', reason: 'AmbiguousIdentity' });
    const message = messageOf(...all);
    expect(message).toContain('VM 105 on node pve-1, VM 106 on node pve-1');
    expect(message).toContain(`uuid=${COPY_UUID} (VM 105)`);
    expect(message).toContain(`uuid=${OTHER_UID} (VM 106)`);
  });

  test('are counted where there are many, so that the message keeps what to do', () => {
    const message = messageOf(...Array.from({ length: 20 }, (_, n) => copy(105 + n)));
    expect(message).toContain('17 more');
    expect(message.length).toBeLessThan(1024);
  });
});

describe('guests of an earlier object of the name', () => {
  const former = (number: number, uuid = OTHER_UID) => copy(number, { mark: FORMER, uuid });

  test('are all named, and a copy is called one', () => {
    expect(planned(former(105), former(106, COPY_UUID))).toMatchObject({ reason: 'BelongsToFormerObject' });
    expect(messageOf(former(105), former(106, COPY_UUID))).toContain(
      'VM 105 on node pve-1, VM 106 on node pve-1 (another UUID: a copy)',
    );
  });

  test('are adopted by a line that names their UUID', () => {
    expect(messageOf(former(105))).toContain(`virtrigaud: cluster-1/default/web/${UID} uuid=${OTHER_UID}`);
  });

  test('do not keep the object from its own', () => {
    expect(planned(former(99), aNamesake())).toMatchObject({ step: { do: 'reserve', vmid: 101 } });
  });
});
