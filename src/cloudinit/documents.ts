/**
 * The texts that a user wrote, and what decisions need to know of them. How long it takes to read a text is up to whoever
 * wrote it, so decisions read only short ones; the others are read before, by a worker thread. Pure.
 */
import { remembering } from '../lib/memo.ts';
import type { Result } from '../lib/result.ts';
import { readIgnition, type Ignition } from './ignition.ts';
import type { CloudInitInput } from './input.ts';
import { readMetaData, readNetworkData, type MetaData, type NetworkData } from './read-own-data.ts';
import { readUserDataForm, type UserDataForm, type UserDataFormat } from './read-user-data.ts';
import { cleanKeys } from './ssh-keys.ts';

export type Text =
  | {
      readonly part: 'userData';
      readonly text: string;
      readonly format?: UserDataFormat | undefined;
      /** SSH keys to add to it. */
      readonly keys: readonly string[];
    }
  | { readonly part: 'ignition' | 'metaData' | 'networkData'; readonly text: string };

/** What texts say, or why they are refused. Plain data. */
export interface Documents {
  readonly userData?: Result<UserDataForm>;
  readonly ignition?: Result<Ignition>;
  readonly metaData?: Result<MetaData>;
  readonly networkData?: Result<NetworkData>;
}

/** In characters. Whatever such a text says, reading it takes less than a tenth of a second. */
const MAX_SHORT = 2048;

export function isShort(text: Text): boolean {
  const keys = text.part === 'userData' ? text.keys : [];
  return keys.reduce((sum, key) => sum + key.length, text.text.length) <= MAX_SHORT;
}

/** As messages call them. */
const NAMES = {
  userData: 'user-data',
  ignition: 'Ignition configuration',
  metaData: 'meta-data',
  networkData: 'network data',
} as const;

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
      return { userData: readUserDataForm(text) };
    case 'ignition':
      return { ignition: readIgnition(text.text) };
    case 'metaData':
      return { metaData: readMetaData(text.text) };
    case 'networkData':
      return { networkData: readNetworkData(text.text) };
  }
}

/** A VM may wait for many passes, in which its texts stay the same. */
const readShort = remembering(readText, JSON.stringify);

/** The texts of an input. */
export function textsOf({
  userData,
  userDataFormat: format,
  sshKeys,
  ignition,
  metaData,
  networkData,
}: Pick<
  CloudInitInput,
  'userData' | 'userDataFormat' | 'sshKeys' | 'ignition' | 'metaData' | 'networkData'
>): readonly Text[] {
  return [
    ...(userData === undefined ? [] : [userDataText(userData, { format, sshKeys })]),
    ...(ignition === undefined ? [] : [{ part: 'ignition' as const, text: ignition }]),
    ...(metaData === undefined ? [] : [{ part: 'metaData' as const, text: metaData }]),
    ...(networkData === undefined ? [] : [{ part: 'networkData' as const, text: networkData }]),
  ];
}

const userDataText = (
  text: string,
  { format, sshKeys }: { readonly format: UserDataFormat | undefined; readonly sshKeys: readonly string[] },
): Text => ({ part: 'userData', text, format, keys: cleanKeys(sshKeys) });

type Reading = Pick<CloudInitInput, 'documents'>;

export const userDataFormOf = (
  text: string,
  {
    documents,
    userDataFormat: format,
    sshKeys,
  }: Pick<CloudInitInput, 'documents' | 'userDataFormat' | 'sshKeys'>,
): Result<UserDataForm> =>
  documents?.userData ?? inPlace(userDataText(text, { format, sshKeys })).userData ?? unread('userData');

export const ignitionOf = (text: string, { documents }: Reading): Result<Ignition> =>
  documents?.ignition ?? inPlace({ part: 'ignition', text }).ignition ?? unread('ignition');

export const metaDataOf = (text: string, { documents }: Reading): Result<MetaData> =>
  documents?.metaData ?? inPlace({ part: 'metaData', text }).metaData ?? unread('metaData');

export const networkDataOf = (text: string, { documents }: Reading): Result<NetworkData> =>
  documents?.networkData ?? inPlace({ part: 'networkData', text }).networkData ?? unread('networkData');

const inPlace = (text: Text): Documents => (isShort(text) ? readShort(text) : {});

const unread = (part: Text['part']): { readonly problem: string } => ({
  problem: `The ${NAMES[part]} has not been parsed yet.`,
});
