/** Desired power state of a virtual machine. */
import { z } from 'zod';

/** On is kept up; Off stops at once; OffGraceful asks the guest to shut down. */
export const powerStates = ['On', 'Off', 'OffGraceful'] as const;

/**
 * YAML 1.1 reads a bare `On` as true, YAML 1.2 as text, and kubectl's ways of applying differ in which they use.
 * A schema without a type is the only one that takes both.
 */
export const powerState = z
  .union([z.enum(powerStates), z.boolean()])
  .transform((value) => (typeof value === 'string' ? value : value ? 'On' : 'Off'))
  .meta({ crd: { 'x-kubernetes-preserve-unknown-fields': true, enum: [...powerStates, true, false] } });
