/** Labels of the VMSnapshots that a schedule makes. There is no owner reference: they outlive the schedule. */
import { ANNOTATION_PREFIX } from './annotations.ts';

/** Name of the schedule, for people; shortened to 63 characters. */
export const SCHEDULE_NAME_LABEL = `${ANNOTATION_PREFIX}snapshot-schedule`;
/** uid of the schedule, which decides: a schedule only deletes what has its own. */
export const SCHEDULE_UID_LABEL = `${ANNOTATION_PREFIX}snapshot-schedule-uid`;
