/** What objects that the operator makes out of others have in their metadata. Pure. */
import { sha256Hex } from '../../../src/lib/hash.ts';

type Texts = Readonly<Record<string, string>>;

/** Of a label's value, and of the name of an object that should also be one. */
export const MAX_NAME = 63;
export const HASH_LENGTH = 10;

/** At most `length` characters, the last one a letter or a digit. */
export const cut = (text: string, length: number): string =>
  text.slice(0, length).replace(/[^a-zA-Z0-9]+$/, '');

/** Longer names are cut and made unique: a label has at most 63 characters. */
export const nameLabel = (name: string): string =>
  name.length <= MAX_NAME
    ? name
    : `${cut(name, MAX_NAME - HASH_LENGTH - 1)}-${sha256Hex(name).slice(0, HASH_LENGTH)}`;

/** What GitOps tools and kubectl recognize their own objects by: with it they would delete what we make. */
const TRACKING =
  /^(argocd\.argoproj\.io|kustomize\.toolkit\.fluxcd\.io|helm\.toolkit\.fluxcd\.io|meta\.helm\.sh)\/|^app\.kubernetes\.io\/instance$|^kubectl\.kubernetes\.io\/last-applied-configuration$/;

export const withoutTracking = (texts: Texts = {}): Texts =>
  Object.fromEntries(Object.entries(texts).filter(([key]) => !TRACKING.test(key)));
