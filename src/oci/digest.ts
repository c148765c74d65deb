import { createHash } from 'node:crypto'
import { OciError } from './errors.ts'

/** Algorithms a digest may name: image-spec "Registered algorithms". */
export const DIGEST_ALGORITHMS = ['sha256', 'sha512'] as const

/** An algorithm of {@link DIGEST_ALGORITHMS}. */
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number]

/** A checked digest such as `sha256:<64 lower-case hex>`: safe as a path component and as a key. */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly __brand: 'Digest' }

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/
/** The grammar of image-spec "Digests", wider than the supported algorithms; distinguishes a digest from a tag. */
const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/

/** True if the text is a digest of a supported algorithm. */
export function isDigest(text: string): text is Digest {
  return PATTERN.test(text)
}

/**
 * Parses a digest.
 * Errors: `DIGEST_INVALID` if the text is not exactly an algorithm of {@link DIGEST_ALGORITHMS}, a colon and
 * that algorithm's length of lower-case hex.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  const reason = GRAMMAR.test(text) ? 'its algorithm or length is not supported' : 'it is malformed'
  throw new OciError('DIGEST_INVALID', {
    message: `The digest cannot be used: ${reason}. Use sha256:<64 hex> or sha512:<128 hex>, in lower case`,
    detail: { digest: text.slice(0, 200) },
  })
}

/** Parses the value of `?digest-algorithm=`. Errors: `DIGEST_INVALID` for one that is not supported. */
export function parseDigestAlgorithm(text: string): DigestAlgorithm {
  const found = DIGEST_ALGORITHMS.find((algorithm) => algorithm === text)
  if (found) return found
  throw new OciError('DIGEST_INVALID', {
    message: `The digest algorithm is not supported: use one of ${DIGEST_ALGORITHMS.join(', ')}`,
    detail: { algorithm: text.slice(0, 64) },
  })
}

/** The algorithm a digest names. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

/** The hexadecimal part of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(7)
}

/** Puts an algorithm and its lower-case hex together. */
export function toDigest(algorithm: DigestAlgorithm, hex: string): Digest {
  return parseDigest(`${algorithm}:${hex}`)
}

/** The digest of bytes in memory. */
export function hashContent(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return toDigest(algorithm, createHash(algorithm).update(bytes).digest('hex'))
}
