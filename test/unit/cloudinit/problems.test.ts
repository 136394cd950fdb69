import { describe, expect, test } from '@jest/globals';
import fc from '../../builders/fast-check.ts';
import { requiredMode, nativeKeys, noCloudFiles, type CloudInitInput } from '../../../src/cloudinit/index.ts';
import { aNic, anInput, aReadInput, ED25519, problemOf } from './input.ts';

/** Every function reports it, so that the first one called does. */
function problemWith(input: Partial<CloudInitInput>): string {
  const problems = [requiredMode, nativeKeys, noCloudFiles].map((ask) => problemOf(ask(anInput(input))));
  expect(new Set(problems).size).toBe(1);
  return problems[0]!;
}

describe('user-data is refused', () => {
  test('if it has no format that is known, wherever it is asked for', () => {
    expect(problemWith({ userData: 'hello: world\n' })).toMatch(
      /^The user-data has no format that is recognized\. .* #cloud-config/,
    );
  });

  test.each([
    ['a wrong indent', '#cloud-config\nusers:\n  - name: a\n sudo: SECRET\n', 4],
    ['a tab', '#cloud-config\nruncmd:\n\t- SECRET\n', 3],
    ['an open bracket', '#cloud-config\npackages: [SECRET\nuser: a\n', 3],
    ['a second document', '#cloud-config\nuser: a\n---\nuser: SECRET\n', 3],
    ['an unknown alias', '#cloud-config\nuser: a\nhostname: *SECRET\n', 3],
    ['an alias before its anchor', '#cloud-config\nuser: *SECRET\nhostname: &SECRET x\n', 2],
  ])('if its YAML has %s, by naming the line and not what stands there', (_what, userData, line) => {
    const problem = problemWith({ userData });
    expect(problem).toMatch(new RegExp(`\\bline ${line}\\b`));
    expect(problem).not.toContain('SECRET');
  });

  test.each([['- SECRET\n'], ['SECRET\n'], ['!SECRET\nuser: a\n']])(
    'if the cloud-config is no mapping',
    (body) => {
      const problem = problemWith({ userData: `#cloud-config\n${body}` });
      expect(problem).toContain('"key: value"');
      expect(problem).not.toContain('SECRET');
    },
  );

  test('if it is a MIME message that cloud-init would not recognise', () => {
    expect(problemWith({ userData: 'Content-Type: multipart/mixed; boundary="x"\n\n--x--\n' })).toContain(
      'MIME-Version: 1.0',
    );
  });

  test('if it is larger than 3 MiB, counted in bytes', () => {
    const largest = `#!/bin/sh\n${'é'.repeat((3 * 1024 ** 2 - 10) / 2)}`;
    expect(requiredMode(aReadInput({ userData: largest }))).toEqual({ value: 'Image' });
    expect(problemOf(requiredMode(aReadInput({ userData: `${largest}\n` })))).toContain('larger than 3 MiB');
  });

  test('never by an exception, and never with its content', () => {
    const pieces = fc.constantFrom(
      ' ',
      '\n',
      '  ',
      '- ',
      'k: ',
      '"',
      "'",
      '[',
      '{',
      '}',
      '|',
      '&a ',
      '*a',
      '!x ',
      '!!set ',
      '? ',
      '~',
      '---\n',
      '...\n',
      ' #c\n',
      '%',
      '\t',
      'SECRET',
    );
    fc.assert(
      fc.property(fc.array(pieces), fc.boolean(), (body, withKeys) => {
        const input = anInput({
          userData: `#cloud-config\n${body.join('')}`,
          sshKeys: withKeys ? [ED25519] : [],
        });
        for (const result of [requiredMode(input), nativeKeys(input), noCloudFiles(input)])
          if ('problem' in result) expect(result.problem).not.toContain('SECRET');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('addresses are refused', () => {
  test.each([
    [
      'an address without a prefix',
      aNic({ addresses: ['192.0.2.1'] }),
      'net0: "192.0.2.1" is not an address with a prefix',
    ],
    ['a prefix that is too long', aNic({ addresses: ['192.0.2.1/33'] }), '"192.0.2.1/33"'],
    [
      'the address of a subnet',
      aNic({ addresses: ['192.0.2.0/24'] }),
      '"192.0.2.0/24" is the address of the subnet',
    ],
    ['text', aNic({ addresses: ['a, b/24'] }), '"a, b/24"'],
    [
      'a DNS name',
      aNic({ dns: ['dns.example.com'] }),
      'the DNS server "dns.example.com" is not an IP address',
    ],
    ['a gateway alone', aNic({ gateway4: '192.0.2.1' }), 'requires an IPv4 address. Add'],
    [
      'a gateway of the other family',
      aNic({ addresses: ['2001:db8::9/64'], gateway4: '192.0.2.1' }),
      'requires an IPv4 address. Add',
    ],
    [
      'an IPv4 gateway where IPv6 belongs',
      aNic({ addresses: ['2001:db8::9/64'], gateway6: '192.0.2.1' }),
      'the gateway "192.0.2.1" is not an IPv6 address',
    ],
  ])('if there is %s', (_what, nic, sentence) => {
    expect(problemWith({ nics: [nic] })).toContain(sentence);
  });
});
