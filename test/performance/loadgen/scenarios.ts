/** The scenarios file of `virtrigaud-loadgen`: what is done how often, and what it may take. Pure. */
import { parse } from 'yaml';
import { z } from 'zod';
import { parseDuration } from '../../../src/lib/duration.ts';

const duration = z.string().transform((text, context) => {
  const parsed = parseDuration(text);
  if ('value' in parsed) return parsed.value;
  context.addIssue({ code: 'custom', message: parsed.problem });
  return z.NEVER;
});

/** What makes the run fail where it is exceeded. */
const thresholds = z.strictObject({
  p50: duration.optional(),
  p95: duration.optional(),
  /** Operations a minute, at least. */
  throughput: z.number().positive().optional(),
  /** Operations that failed or took longer than `timeout`, at most. */
  failures: z.int().min(0).default(0),
});
export type Thresholds = z.output<typeof thresholds>;

const common = {
  /** The first column of the report. */
  name: z.string().min(1).max(60),
  operations: z.int().min(1).max(10_000),
  /** How many are under way at once; of those on existing VMs at most one for each VM. */
  concurrency: z.int().min(1).max(500).default(1),
  /** Of one operation. */
  timeout: duration.prefault('5m'),
  notes: z.string().max(200).default(''),
  thresholds: thresholds.prefault({}),
};

/** VMs to work on; without it, those that the scenarios before have created. */
const selector = z
  .strictObject({ matchLabels: z.record(z.string(), z.string()) })
  .optional()
  .describe('VirtualMachines of the namespace');

const scenario = z.discriminatedUnion('operation', [
  z.strictObject({
    operation: z.literal('create'),
    ...common,
    /** Spec of the VirtualMachines. */
    vm: z.looseObject({}),
    /** Ready: the spec is fulfilled. Address: and the guest agent has reported an address. */
    until: z.enum(['Ready', 'Address']).default('Address'),
  }),
  z.strictObject({
    operation: z.literal('power'),
    ...common,
    selector,
    to: z.enum(['On', 'Off', 'OffGraceful']),
  }),
  /** Starts and stops VMs in Proxmox VE itself, and waits until status shows it. */
  z.strictObject({ operation: z.literal('describe'), ...common, selector }),
  z.strictObject({
    operation: z.literal('reconfigure'),
    ...common,
    selector,
    /** VMClasses: a VM goes from one to the other, and back. */
    classes: z.tuple([z.string(), z.string()]),
  }),
  z.strictObject({
    operation: z.literal('snapshot'),
    ...common,
    selector,
    includeMemory: z.boolean().default(false),
  }),
  z.strictObject({ operation: z.literal('clone'), ...common, selector, linked: z.boolean().default(true) }),
]);
export type Scenario = z.output<typeof scenario>;
export type ScenarioOf<Operation extends Scenario['operation']> = Extract<Scenario, { operation: Operation }>;

const FORMATS = ['json', 'csv', 'markdown', 'svg'] as const;

const file = z.strictObject({
  scenarios: z.array(scenario).min(1).max(100),
  /** Files are written to a folder, or nowhere; the table is always printed. */
  outputs: z
    .strictObject({
      directory: z.string().optional(),
      formats: z.array(z.enum(FORMATS)).default([...FORMATS]),
    })
    .prefault({}),
  /** Leaves the objects that were created. */
  keep: z.boolean().default(false),
});
export type ScenariosFile = z.output<typeof file>;

/** @throws {Error} in sentences, with the path of each mistake */
export function readScenarios(text: string): ScenariosFile {
  const { data, error } = file.safeParse(parse(text));
  if (error) throw new Error(`The scenarios file is invalid:\n${z.prettifyError(error)}`);
  return data;
}
