/**
 * On which nodes a template of a download is to be made with one Provider. On shared storage one serves all nodes that
 * see it; otherwise each node needs one of its own, and gets it once a VM can be made there only, or with all others.
 * Pure.
 */
import type { NodeName } from '../../../src/lib/units.ts';
import { nodeName } from '../../../src/lib/units.ts';
import { isReachedFrom, placeFor, templateNodes, type Choice } from '../../shared/placement/image-places.ts';
import { contentOf, isFile } from '../../shared/images/file-name.ts';
import type { Entries, TemplateEntry } from './model.ts';

/** What is downloaded, made and tidied up by itself. */
export interface Site {
  /** Absent: whatever the Provider has of the image, for it is an ISO image, or goes, or can be nowhere. */
  readonly node?: NodeName;
  readonly isWanted: boolean;
}

export interface Asked {
  /** Absent: nothing is to be there any more. */
  readonly file: string | undefined;
  /** Whether the Provider is to have it. */
  readonly isNeeded: boolean;
}

/** So many files are downloaded at once with a Provider: each node fetches all of it from the same server. */
const MAX_AT_ONCE = 4;

/** @param own what the image has of the Provider */
export function sitesOf(choice: Choice, own: Entries, { file, isNeeded }: Asked): readonly Site[] {
  if (file === undefined || contentOf(file) === 'iso') return [{ isWanted: isNeeded }];
  const wanted = isNeeded ? wantedNodes(choice, own, file) : [];
  if (wanted === 'nowhere') return [{ isWanted: true }];
  const begun = [...own.downloads, ...own.templates].map(({ node }) => node);
  return [...new Set([...begun, ...wanted])]
    .toSorted()
    .map((node) => ({ node, isWanted: wanted.includes(node) }));
}

/** It was made of this file, or is about to be. */
export const isOf = ({ file, state }: TemplateEntry, wanted: string | undefined): boolean =>
  file === wanted && state !== 'Deleting';

function wantedNodes(choice: Choice, own: Entries, file: string): readonly NodeName[] | 'nowhere' {
  const templates = own.templates.filter((each) => isOf(each, file));
  const files = own.downloads.filter(({ volume }) => isFile(volume, file)).map(({ node }) => node);
  const targets = templateNodes(choice);
  const isCovered = (node: NodeName): boolean =>
    templates.some((each) => isReachedFrom(node, { node: each.node, storages: [each.storage] }, choice.view));
  const asked = askedNodes(choice, targets).filter((node) => !isCovered(node));
  if (asked.length === 0 && templates.length === 0 && files.length === 0) return anyNode(choice);
  const reserved = templates.flatMap(({ state, node }) => (state === 'Reserved' ? [node] : []));
  const begun = new Set([...files, ...reserved]);
  const others = oneForEach(asked, { choice, targets, begun }).filter((node) => !begun.has(node));
  return [
    ...asked.filter((node) => begun.has(node)),
    ...others.slice(0, Math.max(0, MAX_AT_ONCE - begun.size)),
  ];
}

function anyNode(choice: Choice): readonly NodeName[] | 'nowhere' {
  const place = placeFor(choice);
  return 'reason' in place ? 'nowhere' : [place.node];
}

/** Those that can have one, and those that a VM says it waits for: there it is said why they cannot. */
function askedNodes({ spec, demands }: Choice, targets: ReadonlyMap<NodeName, string>): readonly NodeName[] {
  const all = spec.download?.replicate === 'All' ? [...targets.keys()] : [];
  const demanded = demands.flatMap(({ node, isChosen = false }) => {
    const name = node === undefined ? undefined : nodeName(node);
    return name !== undefined && (isChosen || targets.has(name)) ? [name] : [];
  });
  return [...new Set([...all, ...demanded])].toSorted();
}

/** Of nodes that would have it on the same shared storage, one. */
function oneForEach(
  nodes: readonly NodeName[],
  {
    choice: { view },
    targets,
    begun,
  }: {
    readonly choice: Choice;
    readonly targets: ReadonlyMap<NodeName, string>;
    readonly begun: ReadonlySet<NodeName>;
  },
): readonly NodeName[] {
  const kept = [...begun];
  return nodes.filter((node) => {
    const target = targets.get(node);
    const isServed = kept.some(
      (other) =>
        target !== undefined &&
        targets.get(other) === target &&
        isReachedFrom(node, { node: other, storages: [target] }, view),
    );
    if (!isServed) kept.push(node);
    return !isServed;
  });
}
