/** The manifests of docs/guests.md are accepted, and their data can be delivered to the system that they are for. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { resolveCloudInit } from '../../../controllers/virtualmachine/cloud-init/resolve.ts';
import { dataProblem } from '../../../controllers/virtualmachine/cloud-init/validate.ts';
import { KINDS, type VirtualMachine } from '../../../src/api/index.ts';
import { createDocumentReader } from '../../../src/cloudinit/index.ts';
import { isOurs } from '../../fixtures/manifests.ts';
import { aDigest, aMark } from '../../builders/guests.ts';
import { aVirtualMachine } from '../../builders/objects.ts';
import { guestManifests } from '../../fixtures/guests.ts';

const SYSTEMS = ['Debian and Ubuntu', 'RHEL family', 'Alpine', 'Flatcar', 'Talos', 'FreeBSD', 'Windows'];
const COPIES = 'Copies of VMs';
const Secret = z.object({
  metadata: z.object({ name: z.string() }),
  stringData: z.record(z.string(), z.string()),
});

const guests = guestManifests(readFileSync('docs/guests.md', 'utf8'));

test('each system has a manifest', () => {
  expect(guests.map(({ system }) => system)).toEqual([COPIES, ...SYSTEMS, 'Other systems']);
});

describe.each(guests)('the manifest for $system', ({ system, objects }) => {
  const vms = objects.filter(isOurs);

  test('is a VirtualMachine that the API server accepts', () => {
    expect(vms.map(({ kind }) => kind)).toEqual(['VirtualMachine']);
    const { spec } = KINDS.find(({ kind }) => kind === 'VirtualMachine')!;
    expect(spec.safeParse(vms[0]!.spec)).toMatchObject({ success: true });
  });

  test('has data that its template can take', async () => {
    const { spec } = KINDS.find(({ kind }) => kind === 'VirtualMachine')!;
    const parsed = spec.parse(vms[0]!.spec) as VirtualMachine['spec'];
    const secrets = objects.filter(({ kind }) => kind === 'Secret').map((each) => Secret.parse(each));
    const readSecret = (_namespace: string, name: string) => {
      const found = secrets.find(({ metadata }) => metadata.name === name);
      return Promise.resolve(found && { values: found.stringData });
    };
    const resolved = await resolveCloudInit(
      aVirtualMachine({ spec: parsed }),
      { owner: aMark() },
      {
        digest: aDigest,
        readSecret,
        readDocuments: createDocumentReader({ now: () => 0 }),
      },
    );
    const cloudInit = resolved.ok ? resolved.desired : undefined;
    expect(cloudInit).toBeDefined();
    const template = system === 'Windows' ? { ostype: 'win11' } : {};
    expect(dataProblem({ owner: aMark(), name: 'web', cloudInit }, [template])).toBeUndefined();
  });
});
