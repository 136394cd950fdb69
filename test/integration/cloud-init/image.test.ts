import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { filesOf, imageOf, manifestInput } from './manifest-input.ts';
import { inFile, inFolder, run, testWith } from './tools.ts';

const MANIFESTS = ['12-vm-web-server.yaml', '13-vm-multi-nic.yaml', '15-vm-netplan-userdata.yaml'];

/** Unpacks with xorriso, which reads the Rock Ridge names, and gives the files' bytes. */
const unpack = (image: Uint8Array, names: readonly string[]): Record<string, Buffer> =>
  inFile('seed.iso', image, (iso) =>
    inFolder((folder) => {
      run('xorriso', ['-osirrox', 'on', '-indev', iso, '-extract', '/', join(folder, 'out')]);
      return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, 'out', name))]));
    }),
  );

const listing = (image: Uint8Array, ...how: string[]) =>
  inFile('seed.iso', image, (iso) =>
    run('isoinfo', [...how, '-f', '-i', iso])
      .trim()
      .split('\n')
      .toSorted(),
  );

describe.each(MANIFESTS)('the image for %s', (manifest) => {
  const input = manifestInput(manifest);
  const files = filesOf(input);
  const image = imageOf(input);

  testWith(['xorriso'])('unpacks to the very bytes of its files', () => {
    const names = files.map(({ name }) => name);
    expect(unpack(image, names)).toEqual(
      Object.fromEntries(files.map(({ name, bytes }) => [name, Buffer.from(bytes)])),
    );
  });

  testWith(['isoinfo'])('lists the same names through Rock Ridge and Joliet', () => {
    const names = files.map(({ name }) => `/${name}`).toSorted();
    expect(listing(image, '-R')).toEqual(names);
    expect(listing(image, '-J')).toEqual(names);
  });

  testWith(['blkid'])('is found by its label', () => {
    const found = inFile('seed.iso', image, (iso) => run('blkid', ['-p', '-o', 'export', iso]));
    expect(found.split('\n')).toEqual(expect.arrayContaining(['LABEL=cidata', 'TYPE=iso9660']));
  });
});

describe('full-user-data-arrives: what a user asks for is in the image', () => {
  const userDataIn = (manifest: string): unknown =>
    parse(unpack(imageOf(manifestInput(manifest)), ['user-data'])['user-data']!.toString());

  testWith(['xorriso'])('packages', () => {
    expect(userDataIn('12-vm-web-server.yaml')).toMatchObject({
      hostname: 'web-server',
      packages: ['nginx'],
    });
  });

  testWith(['xorriso'])('files to write', () => {
    expect(userDataIn('15-vm-netplan-userdata.yaml')).toMatchObject({
      write_files: [
        {
          path: '/etc/netplan/01-static.yaml',
          content: expect.stringContaining('addresses: [192.168.1.100/24]'),
        },
      ],
    });
  });
});

test('every manifest with user-data or NICs is covered', () => {
  expect(MANIFESTS.map((manifest) => filesOf(manifestInput(manifest)).length)).toEqual([3, 4, 2]);
});
