/** Meta-data and network data that the user wrote. */
import { isMap } from 'yaml';
import type { Result } from '../lib/result.ts';
import type { CloudInitInput } from './input.ts';
import { parseYaml, printYaml, quoted } from './yaml.ts';

/** Returns the user's meta-data, with instance-id and local-hostname if it lacks them. */
export function metaDataFile({ instanceId, hostname, metaData }: CloudInitInput): Result<string> {
  const ours = { 'instance-id': instanceId, 'local-hostname': hostname };
  if (metaData === undefined) return { value: printYaml(ours) };
  const document = parseYaml(metaData);
  if ('problem' in document) return { problem: `The meta-data is invalid: ${document.problem}. Correct it.` };
  const { contents } = document.value;
  if (!isMap(contents))
    return { problem: 'The meta-data is not a YAML mapping. Write it as "key: value" entries.' };
  for (const [key, value] of Object.entries(ours)) if (!contents.has(key)) contents.set(key, quoted(value));
  return { value: document.value.toString({ lineWidth: 0 }) };
}

/** Returns the user's network-config unchanged. It must have a version, at the top level or below `network`. */
export function networkDataFile(text: string): Result<string> {
  const document = parseYaml(text);
  if ('problem' in document)
    return { problem: `The network data is invalid: ${document.problem}. Correct it.` };
  const { value } = document;
  const version: unknown = value.getIn(['network', 'version']) ?? value.getIn(['version']);
  return version === '1' || version === '2'
    ? { value: text }
    : {
        problem:
          'The network data has neither "version: 1" nor "version: 2". Write it as a network-config of cloud-init.',
      };
}
