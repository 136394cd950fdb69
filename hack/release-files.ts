/** What a release changes in files: names of images, and nothing else. */
import { parseDocument, parse } from 'yaml';
import { z } from 'zod';

export interface ReleasedImage {
  /** Without tag. */
  readonly repository: string;
  /** `sha256:…` */
  readonly digest: string;
}

/** The places that name the version, with what they say. */
export interface Versions {
  readonly [place: string]: string;
}

const Chart = z.object({ version: z.string(), appVersion: z.coerce.string() });
const Kustomization = z.object({ images: z.tuple([z.object({ newTag: z.coerce.string() })]) });

/** @param read the text of a file of the checkout */
export function versionsIn(read: (path: string) => string): Versions {
  const chart = Chart.parse(parse(read('deploy/chart/Chart.yaml')));
  const { images } = Kustomization.parse(parse(read('deploy/kustomize/base/kustomization.yaml')));
  return {
    'package.json': z.object({ version: z.string() }).parse(JSON.parse(read('package.json'))).version,
    'version in deploy/chart/Chart.yaml': chart.version,
    'appVersion in deploy/chart/Chart.yaml': chart.appVersion,
    'deploy/kustomize/base/kustomization.yaml': images[0].newTag,
  };
}

/** What is in the way of a release under this tag; empty: nothing. */
export function obstacles(tag: string, versions: Versions, changelog: string): readonly string[] {
  const version = tag.replace(/^v/, '');
  const others = Object.entries(versions).filter(([, each]) => each !== version);
  return [
    ...(/^v\d+\.\d+\.\d+$/.test(tag) ? [] : [`The tag is "${tag}", and has to be like v1.2.3.`]),
    ...others.map(([place, each]) => `${place} says ${each}, the tag ${version}.`),
    ...(notesOf(version, changelog) === undefined
      ? [`CHANGELOG.md has no section "## ${version}". Rename "## Unreleased".`]
      : []),
  ];
}

/** The section of a version in CHANGELOG.md, without its heading. */
export function notesOf(version: string, changelog: string): string | undefined {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.split(/[\s\n]/, 1)[0] === version);
  return section?.slice(section.indexOf('\n')).trim();
}

/**
 * The manifests with the image that was published.
 *
 * @throws if they do not name the image exactly once
 */
export function withImage(manifests: string, { repository, digest }: ReleasedImage): string {
  const parts = manifests.split(/^( +image: )virtrigaud-proxmox:\S+$/m);
  if (parts.length !== 3) throw new Error(`The image is named ${(parts.length - 1) / 2} times, not once.`);
  const [before, key, after] = parts;
  return `${before}${key}${repository}@${digest}${after}`;
}

/** values.yaml of the chart with that image, its comments kept. */
export function withImageValues(values: string, { repository, digest }: ReleasedImage): string {
  const document = parseDocument(values);
  document.setIn(['image', 'repository'], repository);
  document.setIn(['image', 'digest'], digest);
  return document.toString({ lineWidth: 0 });
}
