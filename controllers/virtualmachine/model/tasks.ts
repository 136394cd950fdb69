/** Tasks and failures of a VirtualMachine. Types only: nothing in this file runs. */
import type { Failure as FailureOf, Task as TaskOf } from '../../shared/tasks/model.ts';

/** What status calls the task that a step began, and the step that failed. */
export type TaskLabel =
  | 'Clone'
  | 'Create'
  | 'Migrate'
  | 'Configure'
  | 'AttachDisk'
  | 'GrowDisk'
  | 'MoveDisk'
  | 'DetachDisk'
  | 'DestroyDisk'
  | 'UploadImage'
  | 'DeleteImage'
  | 'Start'
  | 'Stop'
  | 'Shutdown'
  | 'Destroy';

export type Task = TaskOf<TaskLabel>;
export type Failure = FailureOf<TaskLabel>;
