/** What a plan means, in a sentence. Pure. */
import { withheldMessage } from '../plan/management.ts';
import type { Plan } from '../model/plan.ts';

const DOING: Readonly<Record<Extract<Plan, { kind: 'act' }>['step']['do'], string>> = {
  reserve: 'A VMID is reserved.',
  adopt: 'The VM is taken over.',
  releaseClaim: 'The VMID is given back.',
  recordPlacement: 'The node is chosen.',
  migrate: 'The VM is being moved to its node.',
  clone: 'The template is being cloned.',
  recordSeed: 'The cloud-init image is being prepared.',
  clearApplied: 'The configuration is about to change.',
  recordRestart: 'A restart is written down.',
  recordTags: 'The tags are about to change.',
  recordHook: 'The hook postStart is made due.',
  runHook: 'A hook is started in the guest.',
  uploadSeed: 'The cloud-init image is being uploaded.',
  configure: 'The configuration is being written.',
  recordDisks: 'The devices of new disks are written down.',
  attachDisk: 'A disk is being attached.',
  growDisk: 'A disk is being grown.',
  moveDisk: 'A disk is being moved to another storage.',
  detachDisk: 'A disk is being detached.',
  destroyDisk: 'A disk is being destroyed.',
  start: 'The VM is starting.',
  stop: 'The VM is being stopped.',
  shutdown: 'The VM is shutting down.',
  destroy: 'The VM is being destroyed.',
  deleteSeed: 'The cloud-init image is being deleted.',
};

/** What a plan means, for people. */
export const messageOf = (plan: Plan): string | undefined => {
  switch (plan.kind) {
    case 'act':
      return DOING[plan.step.do];
    case 'wait':
    case 'refuse':
      return plan.message;
    case 'withheld':
      return withheldMessage(plan);
    case 'steady':
    case 'gone':
      return undefined;
    default:
      return plan satisfies never;
  }
};
