/** Tags of the referrers tag schema (distribution-spec "Referrers Tag Schema"), and cosign's, which add `.sig` and the like. */
const FORM = /^(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128})(?:\.[A-Za-z0-9._-]+)?$/

/**
 * Digest of the image to which a tag belongs by its name, as the tags of signatures that clients without the referrers
 * API make; undefined for other tags.
 */
export function findCompanionSubject(tag: string): string | undefined {
  const match = FORM.exec(tag)
  return match ? `${match[1]}:${match[2]}` : undefined
}
