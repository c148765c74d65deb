import type { Database } from '../../../src/database/database.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'

interface Counted {
  readonly bytes: number
  readonly uniqueBytes: number
}

/** All rows that sizes depend on. */
async function readRows({ read }: Database<MetadataSchema>) {
  return {
    repositories: await read.selectFrom('repositories').selectAll().execute(),
    blobs: await read.selectFrom('blobs').selectAll().execute(),
    links: await read.selectFrom('repository_blobs').selectAll().execute(),
    manifests: await read.selectFrom('manifests').selectAll().execute(),
    trashed: await read.selectFrom('trashed_manifests').selectAll().execute(),
    named: await read.selectFrom('manifest_references').selectAll().execute(),
    trashedNamed: await read.selectFrom('trashed_references').selectAll().execute(),
    tags: await read.selectFrom('tags').selectAll().execute(),
  }
}

type Rows = Awaited<ReturnType<typeof readRows>>

/** Sizes of all repositories, their tags (`name:tag`) and namespaces, counted from the rows in the plainest way. */
export async function recountAll(database: Database<MetadataSchema>): Promise<{
  repositories: Map<string, Counted>
  tags: Map<string, Counted>
  namespaces: Map<string, Counted>
}> {
  const rows = await readRows(database)
  const sizeOf = new Map(rows.blobs.map(({ digest, size }) => [digest, size]))
  const heldBy = new Map<number, Set<string>>(rows.repositories.map(({ id }) => [id, new Set()]))
  for (const row of [...rows.links, ...rows.manifests, ...rows.trashed]) {
    heldBy.get(row.repository_id)?.add(row.digest)
  }
  const add = (digests: Iterable<string>): number =>
    [...digests].reduce((sum, digest) => sum + (sizeOf.get(digest) ?? 0), 0)
  const count = (ids: readonly number[]): Counted => {
    const held = new Set(ids.flatMap((id) => [...(heldBy.get(id) ?? [])]))
    const others = [...heldBy].filter(([id]) => !ids.includes(id)).map(([, digests]) => digests)
    const unique = [...held].filter((digest) => !others.some((other) => other.has(digest)))
    return { bytes: add(held), uniqueBytes: add(unique) }
  }
  const live = rows.repositories.filter(
    ({ id, trashed_at }) =>
      trashed_at === null && [...rows.links, ...rows.manifests].some((row) => row.repository_id === id),
  )
  const namespaces = new Set(live.map(({ name }) => name.split('/')[0] ?? ''))
  return {
    repositories: new Map(live.map(({ id, name }) => [name, count([id])])),
    namespaces: new Map(
      [...namespaces].map((namespace) => [
        namespace,
        count(
          rows.repositories.filter(({ name }) => name.split(/[/@]/)[0] === namespace).map(({ id }) => id),
        ),
      ]),
    ),
    tags: new Map(
      live.flatMap(({ id, name }) =>
        rows.tags
          .filter((tag) => tag.repository_id === id)
          .map((tag) => [`${name}:${tag.name}`, countTag(rows, tag, add)] as const),
      ),
    ),
  }
}

function countTag(
  rows: Rows,
  tag: Rows['tags'][number],
  add: (digests: Iterable<string>) => number,
): Counted {
  const isHere = (row: { repository_id: number }): boolean => row.repository_id === tag.repository_id
  const manifests = new Map(rows.manifests.filter(isHere).map((row) => [row.digest, row]))
  const named = rows.named.filter(isHere)
  const image = new Set([tag.digest])
  for (const digest of image) {
    for (const row of named) {
      if (row.manifest_digest === digest && row.kind === 'child' && manifests.has(row.digest))
        image.add(row.digest)
    }
    for (const row of manifests.values()) if (row.subject === digest) image.add(row.digest)
  }
  const links = new Set(rows.links.filter(isHere).map(({ digest }) => digest))
  const content = new Set(image)
  for (const row of named) {
    if (row.kind === 'blob' && image.has(row.manifest_digest) && links.has(row.digest))
      content.add(row.digest)
  }
  const gone = removeWith(rows, { tag, manifests, image })
  const freed = [...content].filter((digest) => !isHeldWithout(rows, { tag, gone }, digest))
  return { bytes: add(content), uniqueBytes: add(freed) }
}

/** Manifests that the collector would remove one after the other once the tag is gone, if nobody waited. */
function removeWith(
  rows: Rows,
  {
    tag,
    manifests,
    image,
  }: {
    tag: Rows['tags'][number]
    manifests: ReadonlyMap<string, { subject: string | null }>
    image: ReadonlySet<string>
  },
): Set<string> {
  const isHere = (row: { repository_id: number }): boolean => row.repository_id === tag.repository_id
  const trash = new Set(rows.trashed.filter(isHere).map(({ digest }) => digest))
  const isNeeded = (digest: string, gone: ReadonlySet<string>): boolean => {
    const subject = manifests.get(digest)?.subject ?? undefined
    return (
      rows.tags.some((other) => isHere(other) && other.digest === digest && other.name !== tag.name) ||
      rows.named.some(
        (row) =>
          isHere(row) && row.kind === 'child' && row.digest === digest && !gone.has(row.manifest_digest),
      ) ||
      // An index that was pushed again may have a copy in the trash, which stays.
      rows.trashedNamed.some((row) => isHere(row) && row.kind === 'child' && row.digest === digest) ||
      (subject !== undefined && (trash.has(subject) || (manifests.has(subject) && !gone.has(subject))))
    )
  }
  const gone = new Set<string>()
  if (isNeeded(tag.digest, gone)) return gone
  for (;;) {
    const next = [...image].find((digest) => !gone.has(digest) && !isNeeded(digest, gone))
    if (next === undefined) return gone
    gone.add(next)
  }
}

function isHeldWithout(
  rows: Rows,
  { tag, gone }: { tag: Rows['tags'][number]; gone: ReadonlySet<string> },
  digest: string,
): boolean {
  const isOther = (row: { repository_id: number }): boolean => row.repository_id !== tag.repository_id
  const same = (row: { digest: string }): boolean => row.digest === digest
  const namedHere = rows.named.filter((row) => !isOther(row) && same(row) && row.kind === 'blob')
  return (
    rows.links.some((row) => same(row) && (isOther(row) || namedHere.length === 0)) ||
    rows.manifests.some((row) => same(row) && (isOther(row) || !gone.has(digest))) ||
    rows.trashed.some(same) ||
    rows.trashedNamed.some((row) => same(row) && row.kind === 'blob') ||
    namedHere.some((row) => !gone.has(row.manifest_digest))
  )
}
