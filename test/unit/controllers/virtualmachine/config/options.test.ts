import { describe, expect, test } from '@jest/globals';
import fc from '../../../../builders/fast-check.ts';
import { describeGuest, parseMark } from '../../../../../controllers/shared/guests/owner-mark.ts';
import { bestEffortWritesOf } from '../../../../../controllers/virtualmachine/config/best-effort.ts';
import { cpuTypeKeys } from '../../../../../controllers/virtualmachine/config/cpu-type.ts';
import type { GuestConfig } from '../../../../../controllers/shared/guests/model.ts';
import type { Options } from '../../../../../controllers/virtualmachine/model/desired.ts';
import {
  nameDifferences,
  optionKeys,
  optionsOf,
  ownTagsIn,
  startupWrite,
  tagWrite,
} from '../../../../../controllers/virtualmachine/config/options.ts';
import { seconds } from '../../../../../src/lib/units.ts';
import { aGuest, aMark, aDesiredVm, configOf, NOW, TEMPLATE_CONFIG } from '../../../../builders/guests.ts';
import { Life } from '../../../../builders/life.ts';
import { UID } from '../../../../builders/objects.ts';

const MARK = aMark();
const keys = (options: Options, config: GuestConfig = {}) =>
  optionKeys({ options, owner: MARK }, configOf(MARK, config)).set;

describe('options that the spec does not name', () => {
  test('are left as they are', () => {
    expect(optionsOf({})).toBeUndefined();
    expect(keys({}, { onboot: '1', protection: '1', description: 'mine' })).toEqual({});
    expect(startupWrite(undefined, { startup: 'order=3' })).toEqual([]);
    expect(tagWrite(undefined, [], { tags: 'theirs' })).toEqual([]);
    expect(cpuTypeKeys(undefined, { cpu: 'host' })).toEqual({ set: {}, delete: [] });
  });
});

describe('the description', () => {
  test('stands above our line, and replaces what stood there', () => {
    const { description } = keys({ description: 'The shop.\nAsk Ada.' });
    expect(description).toBe(describeGuest(MARK, 'The shop.\nAsk Ada.'));
    expect(parseMark(String(description))).toEqual(MARK);
    expect(keys({ description: 'The shop.\nAsk Ada.' }, { description: String(description) })).toEqual({});
  });

  test('may be empty, and then our line stands alone', () => {
    expect(parseMark(String(keys({ description: '' })['description']))).toEqual(MARK);
  });

  test('is equal with any line endings and surrounding white space', () => {
    const description = describeGuest(MARK, 'a\nb');
    expect(optionsOf({ description: ' a\r\nb\n' })).toEqual({ description: 'a\nb' });
    expect(keys({ description: 'a\nb' }, { description: `${description}\n` })).toEqual({});
  });

  test('keeps the mark with any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!text.includes('virtrigaud: '));
        const options = optionsOf({ description: text })!;
        const { description } = keys(options);
        if (description !== undefined) expect(parseMark(String(description))).toEqual(MARK);
        const config = description === undefined ? {} : { description: String(description) };
        expect(keys(options, config)).toEqual({});
      }),
    );
  });
});

describe('tags', () => {
  test('tags-order-case-no-drift', () => {
    const { tags } = optionsOf({ tags: ['Web', 'prod', 'web'] })!;
    expect(tags).toEqual(['prod', 'web']);
    expect(tagWrite(tags, ['prod', 'web'], { tags: 'WEB;theirs;Prod' })).toEqual([]);
    expect(tagWrite(tags, ['prod', 'web'], { tags: 'web,prod' })).toEqual([]);
  });

  test('of others are kept, and ours are removed when they leave the spec', () => {
    expect(tagWrite(['web'], [], { tags: 'theirs' })).toEqual([
      { key: 'tags', value: 'theirs;web', note: ['web'] },
    ]);
    expect(tagWrite(['web'], ['old', 'web'], { tags: 'Old;theirs;web' })).toMatchObject([
      { value: 'theirs;web' },
    ]);
    expect(tagWrite([], ['old'], { tags: 'old' })).toMatchObject([{ value: undefined }]);
  });

  test('that were there before are not ours, and stay when they leave the spec', () => {
    expect(tagWrite(['theirs'], [], { tags: 'theirs' })).toEqual([]);
    expect(tagWrite([], [], { tags: 'theirs' })).toEqual([]);
  });

  test('are forgotten when neither the spec nor the guest has them', () => {
    expect(ownTagsIn(['gone', 'kept', 'desired'], ['desired'], { tags: 'Kept' })).toEqual([
      'kept',
      'desired',
    ]);
  });
});

describe('the startup order', () => {
  test('is changed only where the spec says something', () => {
    const desired = optionsOf({ startup: { order: 2, upDelay: seconds(30) } })?.startup;
    expect(startupWrite(desired, { startup: '2,up=30,down=9' })).toEqual([]);
    expect(startupWrite(desired, { startup: '1,down=9' })).toEqual([
      { key: 'startup', value: 'order=2,down=9,up=30' },
    ]);
    expect(startupWrite(desired, {})).toEqual([{ key: 'startup', value: 'order=2,up=30' }]);
  });
});

describe('switches', () => {
  test('are written only when they differ', () => {
    expect(keys({ onBoot: true, protection: false })).toEqual({ onboot: 1 });
    expect(keys({ onBoot: false, protection: true }, { onboot: '1' })).toEqual({ onboot: 0, protection: 1 });
    expect(keys({ onBoot: true, protection: true }, { onboot: '1', protection: '1' })).toEqual({});
  });
});

describe('the CPU type', () => {
  test('is changed and its flags are kept', () => {
    expect(cpuTypeKeys('host', { cpu: 'cputype=kvm64,flags=+aes' }).set).toEqual({ cpu: 'host,flags=+aes' });
    expect(cpuTypeKeys('host', { cpu: 'host,flags=+aes' }).set).toEqual({});
    expect(cpuTypeKeys('host', {}).set).toEqual({ cpu: 'host' });
  });
});

describe('in a life of its own, a VM', () => {
  const TEMPLATE = { ...TEMPLATE_CONFIG, tags: 'template' };

  test('has the tags, the description and the rest that its spec names, and none of its template', async () => {
    const spec = { tags: ['Web'], description: 'The shop.', onBoot: true, startup: { order: 2 } };
    const life = new Life({ vm: { spec }, template: TEMPLATE });
    await life.until(() => life.status.internal?.tags !== undefined && life.conditions['Ready'] === 'True');
    expect(life.pve.guestsOf(UID)[0]?.config).toMatchObject({
      tags: 'web',
      description: expect.stringMatching(/^The shop\.\n\nvirtrigaud: /),
      onboot: '1',
      startup: 'order=2',
    });
    expect(life.conditions['Synced']).toBe('True');
    const asked = life.pve.requests.filter((route) => route.startsWith('PUT')).length;
    life.store.editSpec({ tags: ['WEB'] });
    await life.untilReady();
    expect(life.pve.requests.filter((route) => route.startsWith('PUT'))).toHaveLength(asked);
  });

  test('is made with its template’s tags where these may not be removed', async () => {
    const life = new Life({ template: TEMPLATE });
    const said = "Permission check failed (/, Sys.Modify for modifying tag 'template')";
    life.pve.failures.push({ type: 'qmconfig', exit: said });
    await life.untilReady();
    expect(life.pve.guestsOf(UID)[0]?.config['tags']).toBe('template');
  });
});

describe('what Proxmox VE refused', () => {
  const want = aDesiredVm({ options: { tags: ['web'] } });
  const bestEffortWrites = (
    refused: { value: string; pveMessage: string; at: number } | undefined,
    applied = false,
  ) =>
    bestEffortWritesOf(want, aGuest(), {
      ownTags: ['web'],
      refusedWrites: refused ? { tags: refused } : {},
      isApplied: () => applied,
      now: NOW,
    });
  const refusal = (ago: number, value = 'web') => ({ value, pveMessage: 'not for you', at: NOW - ago });

  test('is reported and not asked for again for a while', () => {
    expect(bestEffortWrites(refusal(599_000))).toMatchObject({
      bestEffortWrites: [],
      notApplied: [expect.stringContaining('not for you. Allow the tags')],
    });
    expect(bestEffortWrites(refusal(600_000))).toMatchObject({
      bestEffortWrites: [{ value: 'web' }],
      notApplied: [],
    });
  });

  test('does not count for other tags', () => {
    expect(bestEffortWrites(refusal(0, 'db'))).toMatchObject({ bestEffortWrites: [{ value: 'web' }] });
  });

  test('is no change of others, which is reported and left alone', () => {
    expect(bestEffortWrites(refusal(600_000), true)).toMatchObject({ bestEffortWrites: [{ value: 'web' }] });
    expect(bestEffortWrites(undefined, true)).toMatchObject({
      bestEffortWrites: [],
      notApplied: [expect.stringContaining('In Proxmox VE tags is (not set)')],
    });
  });
});

describe('the name of the guest', () => {
  test('is changed at once where the spec gives one', () => {
    expect(keys({ guestName: 'WEB-01' })).toEqual({ name: 'WEB-01' });
    expect(keys({ guestName: 'WEB-01' }, { name: 'WEB-01' })).toEqual({});
    expect(keys({}, { name: 'renamed-by-hand' })).toEqual({});
    expect(optionsOf({ guestName: 'WEB-01' })).toEqual({ guestName: 'WEB-01' });
  });

  test('stays where the cloud-init drive of Proxmox VE contains it, unless a new instance is asked for', () => {
    const config = configOf(MARK, { ide2: TEMPLATE_CONFIG['ide2'] ?? '' });
    const want = { options: { guestName: 'WEB-01' }, owner: MARK };
    const data = { userData: undefined, sshKeys: [] };
    expect(optionKeys({ ...want, cloudInit: data }, config).set).toEqual({});
    expect(nameDifferences({ ...want, cloudInit: data }, config)).toEqual([
      expect.stringContaining('would count as a new instance'),
    ]);
    const renewed = { ...want, cloudInit: { ...data, onChange: 'NextBoot' as const } };
    expect(optionKeys(renewed, config).set).toEqual({ name: 'WEB-01' });
    expect(nameDifferences(renewed, config)).toEqual([]);
  });
});

test.each(['custom-build-farm', 'x86-64-v3'])('the CPU type may be %s', (type) => {
  expect(cpuTypeKeys(type, { cpu: 'host,flags=+aes' }).set).toEqual({ cpu: `${type},flags=+aes` });
});
