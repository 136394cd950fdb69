/** VMClass: nothing is made for a class; its VMs take it up themselves. What is wrong with it the schema has refused. */
import type { VMClass, VMClassStatus } from '../../src/api/index.ts';
import type { Controller } from '../../src/runtime/controller.ts';
import { settled } from '../../src/runtime/outcome.ts';

export const vmClassController = (): Controller<VMClass, VMClassStatus> => ({
  name: 'vmclass',
  reconcile: () => Promise.resolve({ outcome: settled(), status: {} }),
});
