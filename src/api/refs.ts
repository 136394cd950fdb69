/** References to other objects. */
import { z } from 'zod';
import { word } from './schema.ts';

/** Object names may hold dots; namespaces may not. */
const objectName = word(
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
  253,
  'must be the name of an object: lowercase letters, digits, hyphens and dots',
);
const namespaceName = word(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  63,
  'must be the name of a namespace: lowercase letters, digits and hyphens',
);
const dataKey = word(
  /^[-._a-zA-Z0-9]+$/,
  253,
  'must be a key of a Secret or ConfigMap: letters, digits, hyphens, dots and underscores',
);

/** An object of a known kind, in the same or another namespace. */
export const objectRef = z.object({
  name: objectName.describe('Name of the object.'),
  namespace: namespaceName
    .optional()
    .describe(
      'Namespace of the object; absent: the namespace of the referring object. An object in another namespace must allow the reference with the annotation virtrigaud.io/allow-from.',
    ),
});

/** An object of a known kind in the same namespace. */
export const localRef = z.object({ name: objectName.describe('Name of the object, in the same namespace.') });

/** A key of a Secret in the same namespace; the key has a default. */
export const secretRef = z.object({
  name: objectName.describe('Name of the Secret, in the same namespace.'),
  key: dataKey.optional().describe('Key of the Secret to select from.'),
});

/** A key of a Secret or ConfigMap in the same namespace. */
export const keyRef = z.object({
  name: objectName.describe('Name of the Secret or ConfigMap, in the same namespace.'),
  key: dataKey.describe('Key to select.'),
});
