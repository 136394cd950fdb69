/** The CPU models and flags that PVE 9.2 knows (qemu-server, CPUConfig.pm). */
const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const MODELS = new Set(
  words(`
    486 athlon core2duo coreduo host kvm32 kvm64 max pentium pentium2 pentium3 phenom qemu32 qemu64
    x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4
    Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS
    Cascadelake-Server Cascadelake-Server-noTSX Cascadelake-Server-v2 Cascadelake-Server-v4 Cascadelake-Server-v5
    ClearwaterForest Conroe Cooperlake Cooperlake-v2
    EPYC EPYC-IBPB EPYC-v3 EPYC-v4 EPYC-Genoa EPYC-Genoa-v2 EPYC-Milan EPYC-Milan-v2 EPYC-Milan-v3
    EPYC-Rome EPYC-Rome-v2 EPYC-Rome-v3 EPYC-Rome-v4 EPYC-Rome-v5 EPYC-Turin GraniteRapids GraniteRapids-v2
    Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS Icelake-Client Icelake-Client-noTSX
    Icelake-Server Icelake-Server-noTSX Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5 Icelake-Server-v6
    IvyBridge IvyBridge-IBRS KnightsMill Nehalem Nehalem-IBRS Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5
    Penryn SandyBridge SandyBridge-IBRS SapphireRapids SapphireRapids-v2 SierraForest
    Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4
    Skylake-Server Skylake-Server-IBRS Skylake-Server-noTSX-IBRS Skylake-Server-v4 Skylake-Server-v5
    Westmere Westmere-IBRS
  `),
);

const FLAGS = words(
  'aes amd-no-ssb amd-ssbd hv-evmcs hv-tlbflush ibpb md-clear nested-virt pcid pdpe1gb spec-ctrl ssbd virt-ssbd',
);

/** PVE's error for the CPU of a guest whose form is right, or undefined. */
export function cpuComplaint(properties: Readonly<Record<string, string>>): string | undefined {
  const { cputype, flags = '' } = properties;
  if (cputype?.startsWith('custom-')) return `Custom cputype '${cputype.slice('custom-'.length)}' not found`;
  if (cputype !== undefined && !MODELS.has(cputype))
    return `Built-in cputype '${cputype}' is not defined (missing 'custom-' prefix?)`;
  const unknown = flags.split(';').filter((flag) => flag !== '' && !FLAGS.includes(flag.slice(1)));
  if (unknown.length > 0) return `VM-specific CPU flags must be a subset of: ${FLAGS.join(', ')}`;
  return properties['reported-model'] === undefined
    ? undefined
    : "Property 'reported-model' not allowed in VM-specific CPU config.";
}
