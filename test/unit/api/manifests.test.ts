import { describe, expect, test } from '@jest/globals';
import { KINDS } from '../../../src/api/index.ts';
import { isOurs, manifestFiles, objectsIn, readManifest } from '../../fixtures/manifests.ts';

const specOf = (kind: string) => KINDS.find((k) => k.kind === kind)!.spec;

describe.each(['1.1', '1.2'] as const)('the published manifests, read as YAML %s', (version) => {
  const objects = manifestFiles.flatMap((file) =>
    objectsIn(readManifest(file), version)
      .filter(isOurs)
      .map((object) => ({ file, object })),
  );

  test('cover every kind that the document has', () => {
    const kinds = new Set(objects.map(({ object }) => object.kind));
    const published = KINDS.map(({ kind }) => kind).filter((kind) => kind !== 'VMSnapshotSchedule');
    expect([...kinds].sort()).toEqual(published.sort());
  });

  test.each(objects)('$file is accepted', ({ object }) => {
    expect(specOf(object.kind).safeParse(object.spec)).toMatchObject({ success: true });
  });
});
