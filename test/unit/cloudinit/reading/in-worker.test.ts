/** Texts that would take the parser minutes, or hundreds of mebibytes. */
import { expect, jest, test } from '@jest/globals';
import { readInWorker } from '../../../../src/cloudinit/reading/in-worker.ts';

// Starting a thread takes a tenth of a second, and much longer on a busy machine.
jest.setTimeout(60_000);

const ONE_LINE = `#cloud-config\na: [${'a,'.repeat(60_000)}]`;
const KEYS = ['ssh-ed25519 AAAA a'];
const read = (text: string, milliseconds: number, mebibytes: number) =>
  readInWorker({ part: 'userData', text, keys: KEYS }, { milliseconds, mebibytes });

test('an ordinary text is read', async () => {
  expect(await read('#cloud-config\nhostname: web\n', 60_000, 128)).toEqual({
    userData: {
      value: {
        kind: 'cloudConfig',
        config: {
          loginKeys: [],
          hostname: 'web',
          native: { hostname: 'web', sshKeys: [] },
          withKeys: {
            value: '#cloud-config\nhostname: web\nssh_authorized_keys:\n  - "ssh-ed25519 AAAA a"\n',
          },
        },
      },
    },
  });
});

test.each([
  ['BAD_DQ_ESCAPE', `a: "${'\\q'.repeat(500_000)}"`],
  ['UNEXPECTED_TOKEN', `a: [${','.repeat(190_000)}`],
])(
  'of a text with hundreds of thousands of errors only the first is found: %s',
  async (code, text) => {
    const documents = await read(`#cloud-config\n${text}`, 60_000, code === 'BAD_DQ_ESCAPE' ? 48 : 128);
    expect(JSON.stringify(documents)).toContain(`is not valid YAML at line 2 (${code})`);
  },
  120_000,
);

test('a text that takes too long is refused, with what to do', async () => {
  expect(await read(ONE_LINE, 1, 128)).toEqual({
    userData: {
      problem:
        'The user-data was not parsed: that would take more than 0.001 s. Make it shorter or simpler: ' +
        'write long lists over several lines, and move large parts to a web server or into the template.',
    },
  });
});

test('a text that takes too much memory is refused, and the process lives', async () => {
  const documents = await read(ONE_LINE, 60_000, 32);
  expect(JSON.stringify(documents)).toContain('more than 32 MiB of memory');
});
