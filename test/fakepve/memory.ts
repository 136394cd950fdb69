/** Memory that is plugged in modules: 32 of 512 MiB, then 32 of 1 GiB, and so on. */
import { failure } from './errors.ts';

export const STATIC_MIB = 1024;

/** The amounts that consist of whole modules, each with the size of its last module. */
function* amounts(): Generator<{ readonly size: number; readonly module: number }> {
  let size = STATIC_MIB;
  yield { size, module: 0 };
  for (let module = 512; ; module *= 2)
    for (let i = 0; i < 32; i += 1) {
      size += module;
      yield { size, module };
    }
}

/** The amount after as many modules were plugged as the target takes. */
export function modules(target: number): number {
  for (const { size } of amounts()) if (size >= target) return size;
  return target;
}

/** The amount after whole modules were unplugged, the last one first, until it is not above the target. */
export function unplugged(now: number, target: number): number {
  let size = STATIC_MIB;
  for (const each of amounts()) {
    if (each.size > now || each.size > target) break;
    ({ size } = each);
  }
  return size;
}

/** A guest with memory hotplug starts with whole modules only. */
export function checkModules(memory: number): void {
  if (memory < STATIC_MIB) throw failure(`minimum memory must be ${STATIC_MIB}MB`);
  for (const { size, module } of amounts()) {
    if (size > memory) throw failure(`memory size (${memory}) must be aligned to ${module} for hotplugging`);
    if (size === memory) return;
  }
}
