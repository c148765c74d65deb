import { type Digest, isDigest, parseDigest } from './digest.ts'
import { OciError } from './errors.ts'

/** A checked tag, such as `latest`. */
export type Tag = string & { readonly __brand: 'Tag' }

/** Reference to a manifest in a request: a tag or a digest. Digests hold a colon, tags never do. */
export type Reference = Tag | Digest

const TAG_PATTERN = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** True if the text is a tag by the grammar of distribution-spec "Pull". */
export function isTag(text: string): text is Tag {
  return TAG_PATTERN.test(text)
}

/** Parses a tag. Errors: `TAG_INVALID`. */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text
  throw new OciError('TAG_INVALID', {
    message:
      'The tag is not valid: use 1 to 128 letters, digits, dots, dashes and underscores, not beginning with . or -',
    detail: { tag: text.slice(0, 200) },
  })
}

/** Parses a tag or a digest. Errors: `DIGEST_INVALID` if it holds a colon but is no digest, else `TAG_INVALID`. */
export function parseReference(text: string): Reference {
  return text.includes(':') ? parseDigest(text) : parseTag(text)
}

/** True if the reference is a digest. */
export function isDigestReference(reference: Reference): reference is Digest {
  return isDigest(reference)
}
