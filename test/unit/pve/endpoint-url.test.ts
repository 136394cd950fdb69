import { describe, expect, test } from '@jest/globals';
import { normaliseEndpoint } from '../../../src/pve/index.ts';

describe('the endpoint', () => {
  test.each([
    ['https://pve.example.com:8006', 'https://pve.example.com:8006'],
    ['https://pve.example.com:8006/', 'https://pve.example.com:8006'],
    ['https://pve.example.com:8006/api2', 'https://pve.example.com:8006'],
    ['https://pve.example.com:8006/api2/', 'https://pve.example.com:8006'],
    ['https://pve.example.com:8006/api2/json', 'https://pve.example.com:8006'],
    ['https://pve.example.com:8006/api2/json//', 'https://pve.example.com:8006'],
    ['  https://PVE.example.com  ', 'https://pve.example.com:8006'],
    ['https://pve.example.com/api2/json', 'https://pve.example.com:8006'],
    ['https://pve.example.com:443/api2/json', 'https://pve.example.com'],
    ['https://192.0.2.10', 'https://192.0.2.10:8006'],
    ['https://[2001:db8::1]', 'https://[2001:db8::1]:8006'],
    ['https://[2001:db8::1]:8006/api2/json', 'https://[2001:db8::1]:8006'],
    ['http://127.0.0.1:18006', 'http://127.0.0.1:18006'],
    ['http://proxy.example.com/', 'http://proxy.example.com'],
  ])('%s is taken as %s', (text, origin) => {
    expect(normaliseEndpoint(text)).toEqual({ ok: true, origin });
  });

  test.each([
    ['', 'not an https address'],
    ['pve.example.com:8006', 'not an https address'],
    ['ftp://pve.example.com', 'not an https address'],
    ['https://', 'not a valid address'],
    ['https://pve.example.com:99999', 'not a valid address'],
    ['https://2001:db8::1', 'not a valid address'],
    ['https://pve.example.com:8006/pve', 'Only /api2/json'],
    ['https://pve.example.com:8006/api2json', 'Only /api2/json'],
    ['https://pve.example.com:8006/?a=b', 'query'],
    ['https://pve.example.com:8006/#top', 'fragment'],
  ])('%s is refused, with an example of a right one', (text, why) => {
    const result = normaliseEndpoint(text);
    expect(result).toEqual({ ok: false, problem: expect.stringContaining(why) });
    expect(result).toEqual({ ok: false, problem: expect.stringContaining('https://pve.example.com:8006') });
  });

  test('a password in it is refused and not repeated', () => {
    const result = normaliseEndpoint('https://root:hunter2@pve.example.com:8006');
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });
});
