/** Labels of the VirtualMachine that a VMClone makes. There is no owner reference: it outlives the VMClone. */
import { ANNOTATION_PREFIX } from './annotations.ts';

/** Name of the VMClone, for people; shortened to 63 characters. */
export const CLONE_NAME_LABEL = `${ANNOTATION_PREFIX}vmclone`;
/** uid of the VMClone, which decides: by it the VirtualMachine is found again if the status of the VMClone is lost. */
export const CLONE_UID_LABEL = `${ANNOTATION_PREFIX}vmclone-uid`;
