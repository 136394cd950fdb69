/** Disk images that Proxmox VE cannot download: compressed, from a server with a private CA that wants a header. */
import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { diskImage } from '../../builders/disk-image.ts';
import { resolveTest, startFileServer } from '../../builders/file-server.ts';
import { XZ } from '../../fixtures/compressed-disks.ts';
import { operatorAtWork } from '../harness/at-work.ts';
import { ownGuests, tasksDone, volumes } from '../harness/pve.ts';
import { soon } from '../harness/soon.ts';
import { condition, manifest, secret, tenant, vm } from './tenant.ts';

const lab = operatorAtWork({ namespaces: 1, resolveDownload: resolveTest });

const AUTHORIZATION = 'Bearer secret-4711';

test('a VM is made of a compressed image from a server with a private CA that wants a header', async () => {
  await using server = await startFileServer(
    ({ headers }, response) => {
      if (headers.authorization === AUTHORIZATION) response.end(XZ);
      else response.writeHead(403).end();
    },
    { tls: true },
  );
  const t = await tenant(lab.plane);
  const caBundle = server.ca;
  const url = `${server.origin}/golden.qcow2.xz`;
  const checksum = `sha256:${createHash('sha256').update(XZ).digest('hex')}`;
  await t.apply(
    manifest('VMImage', 'golden', {
      download: { url, checksum, caBundle, headersSecretRef: { name: 'registry' } },
    }),
    vm('web', { imageRef: { name: 'golden' } }),
  );
  await soon(async () =>
    expect(condition(await t.find('vmimages', 'golden')).is).toBe('Ready=False SecretNotFound'),
  );
  await t.apply(secret('registry', { Authorization: AUTHORIZATION }));
  await t.ready('vm/web', 'vmimage/golden');
  expect(ownGuests(t.pve).map((guest) => guest.get('name'))).toEqual(['web']);
  // Read once to be verified, and once to be sent.
  expect(server.requests.map((request) => request.url)).toEqual(['/golden.qcow2.xz', '/golden.qcow2.xz']);
  const [arrived] = t.pve.state.storage.arrivals.filter(({ volid }) => volid.includes(':import/'));
  expect(arrived?.data?.equals(diskImage)).toBe(true);
  expect([tasksDone(t.pve, 'imgcopy'), tasksDone(t.pve, 'download')]).toEqual([1, 0]);
  await soon(async () => {
    expect((await t.find('vmimages', 'golden'))?.status['downloads']).toBeUndefined();
    expect(volumes(t.pve).filter(({ content }) => content === 'import')).toEqual([]);
  });
  const told = JSON.stringify([await t.list('vmimages'), await t.list('virtualmachines'), await t.events()]);
  expect(told).not.toContain('secret-4711');
  await t.requestDeletion('vmimage/golden');
  await t.requestDeletion('vm/web');
  await t.gone('vmimage/golden');
  expect([...t.pve.state.guests.values()].filter((guest) => guest.get('name') === 'golden')).toEqual([]);
});
