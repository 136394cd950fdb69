/**
 * Recognizes user-data by how it begins: formats that are delivered unchanged because another program than cloud-init
 * reads them, and slips, with what to do about them. Pure.
 */
/** A format that is delivered byte for byte. */
export type ForeignFormat = 'Talos' | 'Windows' | 'TOML' | 'gzip' | 'named';

/** The format of a text that has no header of cloud-init. */
export function foreignFormat(text: string): ForeignFormat | undefined {
  if (isTalos(text)) return 'Talos';
  if (WINDOWS.test(text)) return 'Windows';
  return isToml(text) ? 'TOML' : undefined;
}

/** What cloudbase-init runs (userdatautils.py, userdata.py): a header at the very beginning, a tag, or a certificate. */
const WINDOWS =
  /^(?:#ps1(?:_sysnative|_x86)?\s|rem\s+cmd\s|\s*<(?:powershell|script)>|\s*-----BEGIN CERTIFICATE-----)/;

const V1ALPHA1 = String.raw`\s*["']?v1alpha1["']?\s*(?:#.*)?$`;
const TALOS_VERSION = new RegExp(`^version:${V1ALPHA1}`, 'm');
const TALOS_DOCUMENT = new RegExp(`^apiVersion:${V1ALPHA1}`, 'm');

/** A machine configuration of Talos: documents in any order. cluster-api writes `#!talos` before them. */
export const isTalos = (text: string): boolean =>
  /^#!talos\s/.test(text) ||
  text
    .split(/^---(?:[ \t].*)?\r?$/m)
    .some(
      (document) =>
        (TALOS_VERSION.test(document) && /^(?:machine|cluster):/m.test(document)) ||
        (TALOS_DOCUMENT.test(document) && /^kind:\s*\w/m.test(document)),
    );

/** TOML (Bottlerocket): a table, or a key with spaces around its equals sign, which no shell accepts. */
function isToml(text: string): boolean {
  const line = text.split(/\r?\n/).find((each) => each.trim() !== '' && !each.trimStart().startsWith('#'));
  return (
    line !== undefined &&
    (/^\s*\[{1,2}[\w."' -]+\]{1,2}\s*(?:#.*)?$/.test(line) ||
      /^\s*[\w."'-]+\s+=\s+(?:["'[{\d+-]|true\b|false\b)/.test(line))
  );
}

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Whether the bytes are text in UTF-16, as editors on Windows save it. */
export const isUtf16 = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);

const COMMANDS =
  /^\s*(?:sudo|apt|apt-get|dnf|yum|apk|zypper|pkg|echo|export|set|systemctl|curl|wget|mkdir|cat|cd)\s/;
const CLOUD_CONFIG_KEY =
  /^(?:packages|package_update|package_upgrade|users|user|runcmd|bootcmd|write_files|ssh_authorized_keys|hostname|fqdn|chpasswd|password|ssh_pwauth|timezone|locale|ntp|growpart|mounts|autoinstall):/m;

/** Without backtracking: a text may be long. */
function isBase64(text: string): boolean {
  const compact = text.replace(/\s+/g, '');
  return compact.length % 4 === 0 && /^[A-Za-z0-9+/]{12,}={0,2}$/.test(compact);
}

interface Slip {
  readonly is: (text: string) => boolean;
  readonly help: string;
}

/** What people get wrong with formats that would be right otherwise. The first one counts. */
const SLIPS: readonly Slip[] = [
  {
    is: (text) => text.startsWith('\uFEFF'),
    help: 'It begins with a byte order mark, which cloud-init does not skip. Save it as UTF-8 without one.',
  },
  {
    is: (text) => /^#cloud-config\s/i.test(text) && isTalos(text),
    help: 'It is a machine configuration of Talos that begins with #cloud-config, and Talos ignores it. Remove that line.',
  },
  {
    is: (text) =>
      /^#[#!\s]*cloud[\s_-]*(?:config|init)\W*$/i.test(firstLine(text)) && !isHeader(firstLine(text)),
    help: 'Its first line looks like a misspelled header. It must be #cloud-config, without spaces.',
  },
  {
    is: (text) => !isHeader(firstLine(text)) && text.startsWith('#') && /^#cloud-config\s*$/m.test(text),
    help: 'The header #cloud-config must be the first line. Move it to the top, above all comments.',
  },
  {
    is: (text) => /^\s*(?:#ps1\w*|rem\s+cmd)\s/i.test(text) && !WINDOWS.test(text),
    help: 'cloudbase-init accepts #ps1, #ps1_sysnative, #ps1_x86 and "rem cmd" only at the very beginning and in lower case. Remove what stands before it.',
  },
  {
    is: (text) => /^\s*@echo\s+off/i.test(text),
    help: 'A batch file for cloudbase-init begins with the line "rem cmd". Add it.',
  },
  {
    is: (text) => /^variant:\s*\w/m.test(text) && /^version:/m.test(text),
    help: 'It is a Butane file. Convert it with butane, and put the result into spec.userData.ignition.',
  },
  {
    is: (text) => text.startsWith('\x1f'),
    help: 'It is compressed data in a field for text, which damages it. Put it into a Secret, or give it as Base64 with spec.userData.cloudInit.format: Base64.',
  },
  {
    is: isBase64,
    help:
      'It looks like Base64. The values below data of a Secret are encoded once, those below stringData not at all. ' +
      'Set spec.userData.cloudInit.format to Base64 to have it decoded, or to Raw to have it delivered as it is.',
  },
  {
    is: (text) => CLOUD_CONFIG_KEY.test(text),
    help: 'It looks like a cloud-config without its header. Add the first line #cloud-config.',
  },
  {
    is: (text) => COMMANDS.test(text),
    help: 'It looks like a script without its first line. Add one, for example #!/bin/sh.',
  },
];

const firstLine = (text: string): string => text.trimStart().split(/\r?\n/, 1)[0] ?? '';
const isHeader = (line: string): boolean => /^#cloud-config(?:-archive|-jsonp)?\s*$/i.test(line);

/** What is probably wrong with the text, and how to correct it. */
export const slipIn = (text: string): string | undefined => SLIPS.find(({ is }) => is(text))?.help;
