/** Meta-data and network data that the user wrote. */
import { isMap } from 'yaml';
import type { Result } from '../lib/result.ts';
import type { CloudInitInput } from './input.ts';
import { parseYaml, printYaml, quoted } from './yaml.ts';

/** The user's, with an instance-id and a name unless it has its own. */
export function metaDataFile({ instanceId, hostname, metaData }: CloudInitInput): Result<string> {
  const ours = { 'instance-id': instanceId, 'local-hostname': hostname };
  if (metaData === undefined) return { value: printYaml(ours) };
  const document = parseYaml(metaData);
  if ('problem' in document) return { problem: `In the meta-data ${document.problem}: correct it.` };
  const { contents } = document.value;
  if (!isMap(contents))
    return { problem: 'The meta-data is not a list of "key: value" entries: correct it.' };
  for (const [key, value] of Object.entries(ours)) if (!contents.has(key)) contents.set(key, quoted(value));
  return { value: document.value.toString({ lineWidth: 0 }) };
}

/** The user's as it is: a network-config says its version, at the top or under `network`. */
export function networkDataFile(text: string): Result<string> {
  const document = parseYaml(text);
  if ('problem' in document) return { problem: `In the network data ${document.problem}: correct it.` };
  const { value } = document;
  const version: unknown = value.getIn(['network', 'version']) ?? value.getIn(['version']);
  return version === '1' || version === '2'
    ? { value: text }
    : {
        problem:
          'The network data has no "version: 1" or "version: 2": write it as a network-config of cloud-init.',
      };
}
