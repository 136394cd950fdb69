/** Meta-data and network data that the user wrote, as plain data. Pure. */
import { isMap, type Document } from 'yaml';
import type { Result } from '../lib/result.ts';
import { MiB } from '../lib/units.ts';
import { parseYaml } from './yaml.ts';

export interface MetaData {
  /** Its keys at the top, of those that the operator adds where they are missing. */
  readonly keys: readonly string[];
  /** As a block mapping, to which entries can be appended. */
  readonly text: string;
  /** As plain values; a scalar is the text that was written. */
  readonly values: Result<Readonly<Record<string, unknown>>>;
}

export const ADDED_KEYS = ['instance-id', 'local-hostname', 'public-keys'] as const;

/** What aliases may make of a text. */
const MAX_CHARACTERS = 2 * MiB;

export function readMetaData(text: string): Result<MetaData> {
  const document = parseYaml(text);
  if ('problem' in document) return { problem: `The meta-data is invalid: ${document.problem}. Correct it.` };
  const { contents } = document.value;
  if (!isMap(contents))
    return { problem: 'The meta-data is not a YAML mapping. Write it as "key: value" entries.' };
  const keys = ADDED_KEYS.filter((key) => contents.has(key));
  const values = valuesOf(document.value);
  contents.flow = false;
  return { value: { keys, values, text: contents.items.length === 0 ? '' : printed(document.value) } };
}

function printed(document: Document): string {
  // What is appended belongs to the same document.
  if (document.directives) document.directives.docEnd = false;
  return document.toString({ lineWidth: 0 });
}

function valuesOf(document: Document): MetaData['values'] {
  try {
    const values: unknown = document.toJS();
    if (charactersIn(values, MAX_CHARACTERS) <= MAX_CHARACTERS)
      return { value: { ...(typeof values === 'object' && values) } };
  } catch {
    // The parser has a limit of its own.
  }
  return { problem: 'The meta-data refers to YAML anchors too often. Write the values out.' };
}

/** Counted until they are more than `limit`. */
function charactersIn(value: unknown, limit: number): number {
  if (typeof value !== 'object' || value === null) return String(value).length + 1;
  let sum = 0;
  for (const [key, each] of Object.entries(value)) {
    sum += key.length + charactersIn(each, limit - sum);
    if (sum > limit) break;
  }
  return sum;
}

export interface NetworkData {
  /** Which version of network-config it is. */
  readonly version: Result<'1' | '2'>;
  /** It is network_data.json of OpenStack. */
  readonly isJson: boolean;
}

/** Which of the two it has to be depends on the template. */
export const readNetworkData = (text: string): Result<NetworkData> => ({
  value: { version: versionOf(text), isJson: isNetworkDataJson(text) },
});

function isNetworkDataJson(text: string): boolean {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && 'links' in data && 'networks' in data;
  } catch {
    return false;
  }
}

function versionOf(text: string): Result<'1' | '2'> {
  const document = parseYaml(text);
  if ('problem' in document)
    return { problem: `The network data is invalid: ${document.problem}. Correct it.` };
  const { value } = document;
  const version: unknown = value.getIn(['network', 'version']) ?? value.getIn(['version']);
  return version === '1' || version === '2'
    ? { value: version }
    : {
        problem:
          'The network data has neither "version: 1" nor "version: 2". Write it as a network-config of cloud-init.',
      };
}
