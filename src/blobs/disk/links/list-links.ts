import { join } from 'node:path'
import { DIGEST_ALGORITHMS, type Digest, isDigest } from '../../../oci/digest.ts'
import { isTag, type Tag } from '../../../oci/reference.ts'
import {
  type FoundLink,
  type FoundTag,
  LINK_BATCH,
  type LinkBatch,
  type LinkSelection,
  type Oddity,
} from '../../link-tree.ts'
import { listFolder } from './list-folder.ts'
import { findTime, isOddity, readLink } from './read-link.ts'

/** A list of links: the folder of all links, and the part of it. */
interface LinkFolder {
  readonly top: string
  /** Below `top`. */
  readonly part: string
}

/**
 * Links in `<part>/<algorithm>/<hex>/link`. With `since` a folder of an algorithm is left out that has got no entry
 * since then.
 */
export function* listLinks(
  { top, part }: LinkFolder,
  { since = Number.NEGATIVE_INFINITY }: LinkSelection = {},
): Generator<FoundLink | Oddity> {
  for (const { name: algorithm, oddity } of listFolder(join(top, part))) {
    const folder = join(part, algorithm)
    if (oddity !== undefined) yield { kind: oddity, where: folder }
    else if (!DIGEST_ALGORITHMS.some((known) => known === algorithm))
      yield { kind: 'wrong-digest', where: folder }
    else if ((findTime(join(top, folder)) ?? 0) >= since)
      yield* listAlgorithm({ top, part: folder }, algorithm)
  }
}

function* listAlgorithm({ top, part }: LinkFolder, algorithm: string): Generator<FoundLink | Oddity> {
  for (const { name, oddity } of listFolder(join(top, part))) {
    const where = join(part, name)
    const digest = `${algorithm}:${name}`
    if (oddity !== undefined) yield { kind: oddity, where }
    else if (!isDigest(digest)) yield { kind: 'wrong-digest', where }
    else {
      const link = readLink(join(top, where, 'link'))
      if (typeof link === 'string') yield { kind: link, where: join(where, 'link') }
      else if (link) yield { digest, target: link.digest, at: link.at }
    }
  }
}

/** Tags in `<part>/<tag>/current/link`. With `since` those whose link is older are left out. */
export function* listTagLinks(
  { top, part }: LinkFolder,
  { since = Number.NEGATIVE_INFINITY }: LinkSelection = {},
): Generator<FoundTag | Oddity> {
  for (const { name, oddity } of listFolder(join(top, part))) {
    const where = join(part, name)
    if (oddity !== undefined) yield { kind: oddity, where }
    else if (!isTag(name)) yield { kind: 'wrong-tag', where }
    else {
      const file = join(where, 'current/link')
      if (since > 0 && (findTime(join(top, file)) ?? 0) < since) continue
      const link = readLink(join(top, file))
      if (typeof link === 'string') yield { kind: link, where: file }
      else if (link) yield { name, digest: link.digest, at: link.at }
    }
  }
}

/** Digests in `<part>/<algorithm>/<hex>`, whether or not they have a link. `since`: as with {@link listLinks}. */
export function* listDigests(
  { top, part }: LinkFolder,
  { since = Number.NEGATIVE_INFINITY }: LinkSelection = {},
): Generator<Digest> {
  for (const algorithm of DIGEST_ALGORITHMS) {
    const folder = join(top, part, algorithm)
    if ((findTime(folder) ?? 0) < since) continue
    for (const { name, oddity } of listFolder(folder)) {
      const digest = `${algorithm}:${name}`
      if (oddity === undefined && isDigest(digest)) yield digest
    }
  }
}

/** Names of tags in `<part>/<tag>`, whether or not they have a link. */
export function* listTagNames({ top, part }: LinkFolder): Generator<Tag> {
  for (const { name, oddity } of listFolder(join(top, part)))
    if (oddity === undefined && isTag(name)) yield name
}

/** Unfinished uploads in `<part>/<id>`. */
export function* listUploads({ top, part }: LinkFolder): Generator<Oddity> {
  for (const { name, oddity } of listFolder(join(top, part)))
    yield { kind: oddity ?? 'unfinished-upload', where: join(part, name) }
}

/** Puts entries together to batches. */
export function* collectBatches<T>(entries: Iterable<T | Oddity>): Generator<LinkBatch<T>> {
  let found: T[] = []
  let oddities: Oddity[] = []
  for (const entry of entries) {
    if (isOddity(entry)) oddities.push(entry)
    else found.push(entry)
    if (found.length + oddities.length < LINK_BATCH) continue
    yield { found, oddities }
    found = []
    oddities = []
  }
  if (found.length + oddities.length > 0) yield { found, oddities }
}
