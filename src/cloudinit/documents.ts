/**
 * The texts in YAML that a user wrote, and what decisions need to know of them. How long parsing takes is up to whoever
 * wrote the text, so decisions parse only short ones; the others are read before, by a worker thread. Pure.
 */
import { remembering } from '../lib/memo.ts';
import type { Result } from '../lib/result.ts';
import { readCloudConfig, type CloudConfig } from './cloud-config.ts';
import { readMetaData, readNetworkData, type MetaData } from './read-own-data.ts';
import { cleanKeys } from './ssh-keys.ts';

export type Text =
  /** A cloud-config, and the SSH keys to add to it. */
  | { readonly part: 'userData'; readonly text: string; readonly keys: readonly string[] }
  | { readonly part: 'metaData' | 'networkData'; readonly text: string };

/** What texts say, or why they are refused. Plain data, without the texts. */
export interface Documents {
  readonly userData?: Result<CloudConfig>;
  readonly metaData?: Result<MetaData>;
  readonly networkData?: Result<'1' | '2'>;
}

/** In characters. Whatever such a text says, parsing it takes less than a tenth of a second. */
const MAX_SHORT = 2048;

export function isShort(text: Text): boolean {
  const keys = text.part === 'userData' ? text.keys : [];
  return keys.reduce((sum, key) => sum + key.length, text.text.length) <= MAX_SHORT;
}

/** As messages call them. */
const NAMES = { userData: 'user-data', metaData: 'meta-data', networkData: 'network data' } as const;

export const refused = ({ part }: Pick<Text, 'part'>, why: string): Documents => ({
  [part]: {
    problem: `The ${NAMES[part]} was not parsed: ${why}. Make it shorter or simpler: write long lists over several lines, and move large parts to a web server or into the template.`,
  },
});

export function readText(text: Text): Documents {
  try {
    return read(text);
  } catch {
    return refused(text, 'it is nested too deeply');
  }
}

function read(text: Text): Documents {
  switch (text.part) {
    case 'userData':
      return { userData: readCloudConfig(text.text, text.keys) };
    case 'metaData':
      return { metaData: readMetaData(text.text) };
    case 'networkData':
      return { networkData: readNetworkData(text.text) };
  }
}

/** A VM may wait for many passes, in which its texts stay the same. */
const readShort = remembering(readText, JSON.stringify);

interface Reading {
  readonly sshKeys: readonly string[];
  readonly documents?: Documents | undefined;
}

export const cloudConfigOf = (text: string, { documents, sshKeys }: Reading): Result<CloudConfig> =>
  documents?.userData ??
  inPlace({ part: 'userData', text, keys: cleanKeys(sshKeys) }).userData ??
  unread('userData');

export const metaDataOf = (text: string, { documents }: Pick<Reading, 'documents'>): Result<MetaData> =>
  documents?.metaData ?? inPlace({ part: 'metaData', text }).metaData ?? unread('metaData');

export const networkDataOf = (text: string, { documents }: Pick<Reading, 'documents'>): Result<'1' | '2'> =>
  documents?.networkData ?? inPlace({ part: 'networkData', text }).networkData ?? unread('networkData');

const inPlace = (text: Text): Documents => (isShort(text) ? readShort(text) : {});

const unread = (part: Text['part']): { readonly problem: string } => ({
  problem: `The ${NAMES[part]} has not been parsed yet.`,
});
