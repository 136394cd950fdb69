import { expect, test } from '@jest/globals';
import { nodeName, type NodeName } from '../../../src/lib/units.ts';
import { createNodeVersions, PveError } from '../../../src/pve/index.ts';

const MINUTE = 60_000;
const version = (release: string) => ({
  version: `${release}.1`,
  release,
  major: Number.parseInt(release, 10),
});
const failure = new PveError({
  refusal: 'unavailable',
  method: 'GET',
  route: '/nodes/{node}/version',
  code: '595',
  message: 'No route to host.',
});

/** The first node answers at the endpoint. */
function cluster(releases: Record<string, string>) {
  const asked: string[] = [];
  const silent = new Set<string>();
  let time = 0;
  const answer = (who: string, node: string) => {
    asked.push(who);
    const release = releases[node];
    return silent.has(who) || release === undefined
      ? Promise.reject(failure)
      : Promise.resolve(version(release));
  };
  const pve = {
    version: () => answer('endpoint', Object.keys(releases)[0] ?? ''),
    node: (name: NodeName) => ({ version: () => answer(name, name) }),
  };
  const versions = createNodeVersions({ pve: pve as never, now: () => time });
  const refresh = (offline: readonly string[] = []) =>
    versions.refresh(
      Object.keys(releases).map((name) => ({ name: nodeName(name), online: !offline.includes(name) })),
      new AbortController().signal,
    );
  return {
    versions,
    silent,
    releases,
    wait: (ms: number) => (time += ms),
    known: () => Object.fromEntries(versions.releases),
    /** Who was asked. */
    refresh: async (offline?: readonly string[]) => {
      asked.length = 0;
      await refresh(offline);
      return [...asked];
    },
  };
}

test('each node has its own version, which is read again after five minutes', async () => {
  const scene = cluster({ a: '8.4', b: '9.0' });
  expect(await scene.refresh()).toEqual(['endpoint', 'a', 'b']);
  expect(scene.known()).toEqual({ a: '8.4', b: '9.0' });
  expect(scene.versions.answering?.major).toBe(8);
  scene.wait(4 * MINUTE);
  expect(await scene.refresh()).toEqual([]);
  scene.releases['a'] = '9.0';
  scene.wait(MINUTE);
  await scene.refresh();
  expect(scene.known()).toEqual({ a: '9.0', b: '9.0' });
});

test('a stand-alone node is asked once', async () => {
  const scene = cluster({ a: '7.4' });
  expect(await scene.refresh()).toEqual(['endpoint']);
  expect(scene.known()).toEqual({ a: '7.4' });
});

test('a node that does not answer keeps what was known, and is asked again after a minute', async () => {
  const scene = cluster({ a: '8.4', b: '8.4' });
  scene.silent.add('b');
  await scene.refresh();
  expect(scene.known()).toEqual({ a: '8.4' });
  expect(await scene.refresh()).toEqual([]);
  scene.silent.clear();
  scene.wait(MINUTE);
  expect(await scene.refresh()).toEqual(['b']);
  scene.silent.add('b');
  scene.wait(6 * MINUTE);
  await scene.refresh();
  expect(scene.known()).toEqual({ a: '8.4', b: '8.4' });
});

test('a node that is offline is not asked, and one that was removed is forgotten', async () => {
  const scene = cluster({ a: '8.4', b: '8.4', c: '8.4' });
  expect(await scene.refresh(['b'])).toEqual(['endpoint', 'a', 'c']);
  delete scene.releases['c'];
  await scene.refresh();
  expect(scene.known()).toEqual({ a: '8.4', b: '8.4' });
});

test('a version at the endpoint that was never read is an error, later it stays', async () => {
  const scene = cluster({ a: '8.4' });
  scene.silent.add('endpoint');
  await expect(scene.refresh()).rejects.toBe(failure);
  scene.silent.clear();
  await scene.refresh();
  scene.silent.add('endpoint');
  scene.wait(6 * MINUTE);
  await scene.refresh();
  expect(scene.versions.answering?.release).toBe('8.4');
});
