/** Fields that cannot change once the thing that they describe exists; until then a typo can be corrected. */

/** A rule over the whole object, as it was and as it is to be. Only the API server knows both. */
export interface ObjectRule {
  /** CEL, with `self` and `oldSelf`. */
  readonly rule: string;
  /** Completes "<field>: …". */
  readonly message: string;
  /** Field that the API server names in its error, for example `.spec.vmid`. */
  readonly fieldPath: string;
}

interface Fixed {
  /** Field of status that is set once the thing exists, for example `vmid`. */
  readonly once: string;
  /** Field of spec, for example `providerRef`. */
  readonly field: string;
  /**
   * `required`: the field is always there. `kept`: it may be set where there was none, but neither changed nor removed.
   * `absent`: it may not be set later either.
   */
  readonly is: 'required' | 'kept' | 'absent';
  readonly message: string;
}

/** A field of spec that stays as it is from the moment on in which `status.<once>` is set. */
export function immutableOnce({ once, field, is, message }: Fixed): ObjectRule {
  const [before, after] = [`oldSelf.spec.${field}`, `self.spec.${field}`];
  const same = `${after} == ${before}`;
  const rules = {
    required: same,
    kept: `!has(${before}) || has(${after}) && ${same}`,
    absent: `(has(${before}) ? has(${after}) && ${same} : !has(${after}))`,
  };
  return {
    rule: `!has(oldSelf.status) || !has(oldSelf.status.${once}) || ${rules[is]}`,
    message,
    fieldPath: `.spec.${field}`,
  };
}
