/** The base images that a Dockerfile names: `ARG BUILD_IMAGE=node:24-bookworm-slim`. */

const IMAGE_ARG = /^(ARG [A-Z_]+_IMAGE=)([^\s@]+)(@\S+)?$/gm;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/**
 * The Dockerfile with every base image pinned to its digest. The tag stays: it says what is updated.
 * @throws if there is no base image, or what is given for one is no digest
 */
export function pinned(dockerfile: string, digestOf: (image: string) => string): string {
  let count = 0;
  const result = dockerfile.replaceAll(IMAGE_ARG, (_line, arg: string, image: string) => {
    const digest = digestOf(image);
    if (!DIGEST.test(digest)) throw new Error(`"${digest}" is no digest of ${image}.`);
    count += 1;
    return `${arg}${image}@${digest}`;
  });
  if (count === 0) throw new Error('The Dockerfile names no base image.');
  return result;
}
