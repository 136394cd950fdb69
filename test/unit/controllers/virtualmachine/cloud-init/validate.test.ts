import { expect, test } from '@jest/globals';
import { dataProblem } from '../../../../../controllers/virtualmachine/cloud-init/validate.ts';
import { aMark } from '../../../../builders/guests.ts';

const SCRIPT = { userData: '#!/bin/sh\n', sshKeys: [] };
const reasonFor = (
  cloudInit: Parameters<typeof dataProblem>[0]['cloudInit'],
  ...templates: Parameters<typeof dataProblem>[1]
) => dataProblem({ owner: aMark(), name: 'web', cloudInit }, templates)?.reason;

test('data that no template can take is refused before one is cloned', () => {
  expect(reasonFor(SCRIPT, { citype: 'opennebula' })).toBe('CloudInitTypeUnsupported');
  expect(reasonFor({ ...SCRIPT, networkData: 'version: 2\n' }, { ostype: 'win11' })).toBe('CloudInitInvalid');
  expect(reasonFor({ ...SCRIPT, networkData: '{"links": [], "networks": []}' }, {})).toBe('CloudInitInvalid');
});

test('data that one of the templates can take is not refused', () => {
  expect(reasonFor(SCRIPT, { citype: 'opennebula' }, { ostype: 'l26' })).toBeUndefined();
  expect(reasonFor({ ...SCRIPT, networkData: 'version: 2\n' }, { ostype: 'l26' })).toBeUndefined();
});

test('what the drive of Proxmox VE can express suits every template', () => {
  const native = { userData: '#cloud-config\nuser: deploy\n', sshKeys: [] };
  expect(reasonFor(native, { citype: 'opennebula' })).toBeUndefined();
  expect(reasonFor(undefined, { citype: 'opennebula' })).toBeUndefined();
  const named = { userData: '#cloud-config\nhostname: web\n', sshKeys: [] };
  const template = { citype: 'opennebula' };
  expect(dataProblem({ owner: aMark(), name: 'web.example', cloudInit: named }, [template])).toBeUndefined();
  const snippet = { userData: undefined, sshKeys: [], snippet: 'local:snippets/a.yaml' };
  expect(reasonFor(snippet, { citype: 'opennebula' })).toBeUndefined();
});
