import { join } from 'node:path'
import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { LinkBatch, LinkLists, LinkReader, Oddity } from '../../link-tree.ts'
import { collectBatches, listDigests, listLinks, listTagLinks, listTagNames } from './list-links.ts'
import { listRepositories } from './list-repositories.ts'
import { readLink } from './read-link.ts'

const PARTS: Readonly<Record<keyof LinkLists, string>> = {
  blobs: '_layers',
  manifests: '_manifests/revisions',
  tags: '_manifests/tags',
}

/** Reads links below the folder `top`. */
export function createReader(top: string): LinkReader {
  const folderOf = (name: RepositoryName, kind: keyof LinkLists) => ({ top, part: join(name, PARTS[kind]) })
  return {
    async *listRepositories() {
      yield* listRepositories(top)
    },
    listManifests: (name, selection) => inBatches(listLinks(folderOf(name, 'manifests'), selection)),
    listTags: (name, selection) => inBatches(listTagLinks(folderOf(name, 'tags'), selection)),
    async *listNames(name, kind, selection) {
      const folder = folderOf(name, kind)
      for (const { found } of collectBatches<string>(
        kind === 'tags' ? listTagNames(folder) : listDigests(folder, selection),
      ))
        yield found
    },
    async readLinks<K extends keyof LinkLists>(name: RepositoryName, kind: K, names: readonly string[]) {
      const folder = join(top, name, PARTS[kind])
      return names.flatMap((one) => (findLink(folder, kind, one) as LinkLists[K] | undefined) ?? [])
    },
  }
}

function findLink(
  folder: string,
  kind: keyof LinkLists,
  name: string,
): LinkLists[keyof LinkLists] | undefined {
  const link = readLink(join(folder, kind === 'tags' ? `${name}/current` : name.replace(':', '/'), 'link'))
  if (typeof link !== 'object') return undefined
  const { digest, at } = link
  return kind === 'tags' ? { name: name as Tag, digest, at } : { digest: name as Digest, target: digest, at }
}

async function* inBatches<T>(entries: Iterable<T | Oddity>): AsyncGenerator<LinkBatch<T>> {
  yield* collectBatches(entries)
}
