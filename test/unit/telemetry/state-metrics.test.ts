import { beforeEach, describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import type { Condition } from '../../../src/runtime/conditions.ts';
import type { ChangeListener, Entry } from '../../../src/runtime/object-store.ts';
import { addStateMetrics, VM_PHASES, type ProviderState } from '../../../src/telemetry/state-metrics.ts';
import { VirtualMachine, type VirtualMachine as Vm } from '../../../src/api/index.ts';

/** A watch of VMs whose events the test makes. */
function watchOfVms() {
  const listeners: ChangeListener<Vm>[] = [];
  const entries = new Map<string, Entry<Vm>>();
  return {
    onChange: (listener: ChangeListener<Vm>) => void listeners.push(listener),
    set(name: string, after: Entry<Vm> | undefined) {
      for (const listener of listeners) listener(name, entries.get(name), after);
      if (after) entries.set(name, after);
      else entries.delete(name);
    },
  };
}

const vm = (status: Vm['status'], ...conditions: Partial<Condition>[]) =>
  ({
    conditions,
    partial: { status },
    metadata: { creationTimestamp: '2026-03-01T12:00:00Z' },
  }) as unknown as Entry<Vm>;
const ready = (status: Condition['status']) => ({ type: 'Ready', status });

let vms: ReturnType<typeof watchOfVms>;
let registry: Registry;
let providers: ProviderState[];
beforeEach(() => {
  vms = watchOfVms();
  registry = new Registry();
  providers = [];
  addStateMetrics(registry, {
    kinds: new Map([['VirtualMachine', vms]]),
    vms,
    providers: () => providers,
    now: () => 100_000,
  });
});

const valueOf = async (series: string): Promise<number | undefined> => {
  const lines = (await registry.metrics()).split('\n');
  const line = lines.find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
};

describe('the metrics of the state', () => {
  test('know every phase of the API, and have its series from the start', async () => {
    const { phase } = VirtualMachine.status.shape;
    expect(new Set(VM_PHASES)).toEqual(new Set(phase.unwrap().options));
    for (const each of VM_PHASES) expect(await valueOf(`virtrigaud_vms{phase="${each}"}`)).toBe(0);
    for (const status of ['True', 'False', 'Unknown'])
      expect(await valueOf(`virtrigaud_objects{kind="VirtualMachine",ready="${status}"}`)).toBe(0);
    expect(await valueOf('virtrigaud_vms_drifted')).toBe(0);
    expect(await valueOf('virtrigaud_vm_creation_duration_seconds_count')).toBe(0);
  });

  test('follow VMs from one phase to the next, and to their end', async () => {
    vms.set('a', vm(undefined));
    vms.set('b', vm({ phase: 'Running' }, ready('True')));
    expect(await valueOf('virtrigaud_vms{phase="Pending"}')).toBe(1);
    expect(await valueOf('virtrigaud_objects{kind="VirtualMachine",ready="Unknown"}')).toBe(1);
    vms.set('a', vm({ phase: 'Running' }, ready('False')));
    expect(await valueOf('virtrigaud_vms{phase="Pending"}')).toBe(0);
    expect(await valueOf('virtrigaud_vms{phase="Running"}')).toBe(2);
    expect(await valueOf('virtrigaud_objects{kind="VirtualMachine",ready="False"}')).toBe(1);
    vms.set('a', undefined);
    vms.set('b', undefined);
    expect(await valueOf('virtrigaud_vms{phase="Running"}')).toBe(0);
  });

  test('count drift, restarts that are required and tasks that are overdue', async () => {
    vms.set(
      'a',
      vm(
        {},
        { type: 'Synced', status: 'False', reason: 'Drifted' },
        { type: 'RestartRequired', status: 'True' },
        { type: 'Ready', status: 'False', reason: 'TaskOverdue' },
        { type: 'Reconciling', status: 'True', reason: 'TaskOverdue' },
      ),
    );
    vms.set('b', vm({}, { type: 'Synced', status: 'False', reason: 'Different' }));
    for (const name of ['drifted', 'restart_required', 'task_overdue'])
      expect(await valueOf(`virtrigaud_vms_${name}`)).toBe(1);
  });

  test('time a creation once, and neither what was adopted nor what was found again', async () => {
    const made = { createdAt: '2026-03-01T12:00:42Z' };
    vms.set('before this process', vm(made));
    for (const name of ['a', 'adopted', 'recovered']) vms.set(name, vm({}));
    vms.set('a', vm(made));
    vms.set('a', vm({ ...made, phase: 'Running' }));
    vms.set('adopted', vm({ ...made, adopted: true }));
    vms.set('recovered', vm({ ...made, internal: { recovered: true } }));
    expect(await valueOf('virtrigaud_vm_creation_duration_seconds_count')).toBe(1);
    expect(await valueOf('virtrigaud_vm_creation_duration_seconds_sum')).toBe(42);
  });

  test('show each Provider that there is', async () => {
    providers = [
      { provider: 'infra/prod', ready: true, readAt: 97_000, unowned: 2, credentialsExpireAt: 1_800_000 },
      {
        provider: 'infra/dev',
        ready: false,
        readAt: undefined,
        unowned: undefined,
        credentialsExpireAt: undefined,
      },
    ];
    expect(await valueOf('virtrigaud_provider_up{provider="infra/prod"}')).toBe(1);
    expect(await valueOf('virtrigaud_provider_up{provider="infra/dev"}')).toBe(0);
    expect(await valueOf('virtrigaud_provider_inventory_age_seconds{provider="infra/prod"}')).toBe(3);
    expect(await valueOf('virtrigaud_provider_inventory_age_seconds{provider="infra/dev"}')).toBeUndefined();
    expect(await valueOf('virtrigaud_provider_unowned_guests{provider="infra/prod"}')).toBe(2);
    const expiry = 'virtrigaud_provider_token_expiry_timestamp_seconds';
    expect(await valueOf(`${expiry}{provider="infra/prod"}`)).toBe(1800);
    expect(await valueOf(`${expiry}{provider="infra/dev"}`)).toBeUndefined();
    providers = [];
    expect(await valueOf('virtrigaud_provider_up{provider="infra/prod"}')).toBeUndefined();
  });
});
