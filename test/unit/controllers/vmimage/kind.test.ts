import { expect, test } from '@jest/globals';
import { vmImageKind } from '../../../../controllers/vmimage/kind.ts';
import type { VirtualMachine } from '../../../../src/api/index.ts';
import { aVirtualMachine } from '../../../builders/objects.ts';

const waiting = (reason: string): VirtualMachine =>
  aVirtualMachine({
    spec: { cdroms: [{ name: 'tools', imageRef: { name: 'tools', namespace: 'infra' } }] },
    status: {
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason,
          message: '',
          observedGeneration: 1,
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  });
const passesOver = (object: VirtualMachine) =>
  vmImageKind.follows?.VirtualMachine?.({ key: 'default/web', object }, {} as never);

test('a VM that begins or ceases to wait for images asks for a pass over them, and no other VM does', () => {
  expect(passesOver(waiting('ImageNotReady'))).toEqual(['default/ubuntu', 'infra/tools']);
  expect(passesOver(waiting('NotGranted'))).toEqual([]);
});
