/** VMClass: nothing is created for a class; its VMs read it themselves. The schema refuses an invalid one. */
import type { VMClass, VMClassStatus } from '../../src/api/index.ts';
import type { Controller } from '../../src/runtime/controller.ts';
import { settled } from '../../src/runtime/outcome.ts';

export const vmClassController = (): Controller<VMClass, VMClassStatus> => ({
  name: 'vmclass',
  reconcile: () => Promise.resolve({ outcome: settled(), status: {} }),
});
