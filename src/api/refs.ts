/** References to other objects. */
import { z } from 'zod';
import { word } from './schema.ts';

/** Object names may hold dots; namespaces may not. */
const objectName = word(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
  253,
  'must be the name of an object: lower-case letters, digits, hyphens and dots',
);
const namespaceName = word(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
  'must be the name of a namespace: lower-case letters, digits and hyphens',
);
const dataKey = word(
  /^[-._a-zA-Z0-9]+$/,
  253,
  'must be a key of a Secret or ConfigMap: letters, digits, hyphens, dots and underscores',
);

/** An object of a known kind, here or in another namespace. */
export const objectRef = z.object({
  name: objectName.describe('Name of the object.'),
  namespace: namespaceName
    .optional()
    .describe(
      'Namespace of the object; absent: the namespace of the object that refers to it. An object elsewhere must allow it with the annotation virtrigaud.io/allow-from.',
    ),
});

/** An object of a known kind in the same namespace. */
export const localRef = z.object({ name: objectName.describe('Name of the object, in the same namespace.') });

/** One entry of a Secret in the same namespace; the key may be left to convention. */
export const secretRef = z.object({
  name: objectName.describe('Name of the Secret, in the same namespace.'),
  key: dataKey.optional().describe('Entry of the Secret to read.'),
});

/** One entry of a Secret or ConfigMap in the same namespace. */
export const keyRef = z.object({
  name: objectName.describe('Name of the Secret or ConfigMap, in the same namespace.'),
  key: dataKey.describe('Entry to read.'),
});
