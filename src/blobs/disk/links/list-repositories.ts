import { join } from 'node:path'
import { isRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import type { Oddity } from '../../link-tree.ts'
import { listFolder } from './list-folder.ts'

/** Folders inside that of a repository. A component of a name never begins with `_`. */
const PARTS = new Set(['_manifests', '_layers', '_uploads'])

/** Repositories below the folder `top`, by name within each folder: one may be inside another. */
export function* listRepositories(top: string, name = ''): Generator<RepositoryName | Oddity> {
  const inner: string[] = []
  let isRepository = false
  for (const entry of listFolder(join(top, name))) {
    const where = join(name, entry.name)
    if (entry.oddity !== undefined) yield { kind: entry.oddity, where }
    else if (PARTS.has(entry.name)) isRepository = true
    else if (entry.name.startsWith('_')) yield { kind: 'foreign-file', where }
    else if (isRepositoryName(where)) inner.push(where)
    else yield { kind: 'wrong-name', where }
  }
  if (isRepository) yield name as RepositoryName
  for (const below of inner.sort()) yield* listRepositories(top, below)
}
