import assert from 'node:assert/strict'
import type { BlobReader } from '../../../src/blobs/blob-store.ts'
import type { Database } from '../../../src/database/database.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import type { Tag } from '../../../src/oci/reference.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'

/** Processes of a registry and their store. */
interface CheckedWorld {
  readonly nodes: readonly { readonly metadata: Metadata }[]
  readonly store: BlobReader
  /** Content whose stored bytes are other ones at the moment, by a test's act. */
  readonly damaged?: ReadonlyMap<Digest, unknown> | undefined
}

const ALL = { limit: 1_000, last: undefined }

interface Named {
  readonly digest: Digest
  readonly size: number
}

interface Content {
  readonly config?: Named
  readonly layers?: readonly Named[]
  readonly manifests?: readonly Named[]
}

/** Tags of all repositories with their manifests, by `repository:tag`. */
export async function readTags(world: CheckedWorld): Promise<Map<string, Digest>> {
  const [node] = world.nodes
  assert.ok(node)
  const tags = new Map<string, Digest>()
  for (const repository of await node.metadata.listRepositories('all', ALL)) {
    for (const tag of (await node.metadata.describeTags(repository, ALL)) ?? []) {
      tags.set(`${repository}:${tag.name}`, tag.digest)
    }
  }
  return tags
}

/** Rows that are served: of manifests with their bytes, and of blobs. */
interface ServedRows {
  readonly manifests: readonly { repository: string; digest: string; bytes: Uint8Array }[]
  readonly blobs: readonly { repository: string; digest: string; size: number }[]
}

/** Contents of manifests, by digest: parsed once. */
const contents = new Map<string, Content>()
const MAX_CONTENTS = 10_000

/**
 * Checks all that is served by two queries and a look at each file: every manifest has its blobs with their sizes, its images, and
 * a file for each. Bytes of files, and what the port remembers, are looked at by {@link checkServed} alone, which takes ten times as long.
 */
export async function checkRows({
  store,
  database,
  damaged,
}: CheckedWorld & { database: Database<MetadataSchema> }): Promise<void> {
  const { manifests, blobs } = await readServed(database)
  const held = new Map(blobs.map(({ repository, digest, size }) => [`${repository}@${digest}`, size]))
  const stored = new Set(manifests.map(({ repository, digest }) => `${repository}@${digest}`))
  const files = new Map<Digest, number | undefined>()
  for (const { repository, digest, bytes } of manifests) {
    const { config, layers = [], manifests: children = [] } = parseContent(digest as Digest, bytes)
    const key = `${repository}@${digest}`
    files.set(digest as Digest, bytes.length)
    for (const blob of config ? [config, ...layers] : layers) {
      const size = held.get(`${repository}@${blob.digest}`)
      assert.equal(size, blob.size, `${key} names ${blob.digest}, which the repository does not hold`)
      files.set(blob.digest, blob.size)
    }
    for (const child of children)
      assert.ok(stored.has(`${repository}@${child.digest}`), `${key} lacks an image`)
  }
  await Promise.all(
    [...files].map(async ([digest, size]) => {
      if (damaged?.has(digest)) return
      assert.equal((await store.stat(digest))?.size, size, `the bytes of ${digest} are gone`)
    }),
  )
}

async function readServed({ read }: Database<MetadataSchema>): Promise<ServedRows> {
  const [manifests, blobs] = await Promise.all([
    read
      .selectFrom('manifests')
      .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
      .select(['repositories.name as repository', 'manifests.digest', 'manifests.bytes'])
      .where('repositories.trashed_at', 'is', null)
      .execute(),
    read
      .selectFrom('repository_blobs')
      .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
      .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
      .select(['repositories.name as repository', 'repository_blobs.digest', 'blobs.size'])
      .execute(),
  ])
  return { manifests, blobs }
}

function parseContent(digest: Digest, bytes: Uint8Array): Content {
  assert.equal(hashContent(bytes), digest, `the row of ${digest} has other bytes`)
  const known = contents.get(digest)
  if (known) return known
  const content = JSON.parse(Buffer.from(bytes).toString()) as Content
  if (contents.size < MAX_CONTENTS) contents.set(digest, content)
  return content
}

/** Checks each manifest that is served: by its tag or by one of the digests that were ever pushed there. */
export async function checkServed(
  world: CheckedWorld,
  pushed: ReadonlyMap<RepositoryName, ReadonlySet<Digest>>,
): Promise<void> {
  const [node] = world.nodes
  assert.ok(node)
  const whole = new Set<string>()
  for (const [key, digest] of await readTags(world)) {
    const [repository, tag] = key.split(':') as [RepositoryName, Tag]
    const manifest = await node.metadata.findManifest(repository, tag)
    assert.equal(manifest?.digest, digest, `${key} points at nothing`)
    await checkManifest(world, { repository, digest, whole })
  }
  for (const [repository, digests] of pushed) {
    for (const digest of digests) {
      if (await node.metadata.findManifest(repository, digest)) {
        await checkManifest(world, { repository, digest, whole })
      }
    }
  }
}

async function checkManifest(
  world: CheckedWorld,
  { repository, digest, whole }: { repository: RepositoryName; digest: Digest; whole: Set<string> },
): Promise<void> {
  const key = `${repository}@${digest}`
  if (whole.has(key)) return
  whole.add(key)
  const [node] = world.nodes
  const manifest = await node?.metadata.findManifest(repository, digest)
  assert.ok(manifest, `${key} is absent`)
  assert.equal(hashContent(manifest.bytes), digest)
  await checkBytes(world, digest, key)
  const {
    config,
    layers = [],
    manifests = [],
  } = JSON.parse(Buffer.from(manifest.bytes).toString()) as Content
  for (const blob of config ? [config, ...layers] : layers) {
    const held = await node?.metadata.findBlob(repository, blob.digest)
    const isDamaged = held === undefined && world.damaged?.has(blob.digest)
    if (!isDamaged)
      assert.equal(held?.size, blob.size, `${key} names ${blob.digest}, which the repository does not hold`)
    await checkBytes(world, blob.digest, key)
  }
  for (const child of manifests) await checkManifest(world, { repository, digest: child.digest, whole })
}

async function checkBytes({ store, damaged }: CheckedWorld, digest: Digest, whose: string): Promise<void> {
  if (damaged?.has(digest)) return
  const bytes = await readBytes(store, digest, whose)
  assert.equal(hashContent(bytes), digest, `${whose}: other bytes than those of ${digest}`)
}

/** All bytes that the store holds of some content; fails if there are none. `whose`: for the message. */
export async function readBytes(store: BlobReader, digest: Digest, whose = 'the store'): Promise<Buffer> {
  const found = await store.stat(digest)
  assert.ok(found, `${whose}: the bytes of ${digest} are gone`)
  const parts: Buffer[] = []
  await store.send(
    digest,
    [{ start: 0, end: found.size }],
    async (bytes) => void parts.push(Buffer.from(bytes)),
  )
  return Buffer.concat(parts)
}

/** Blobs that a manifest names. */
export function listNamed(bytes: Uint8Array): readonly Named[] {
  const { config, layers = [] } = JSON.parse(Buffer.from(bytes).toString()) as Content
  return config ? [config, ...layers] : layers
}

/** Digests in the store. */
export async function listStore({ store }: CheckedWorld): Promise<Digest[]> {
  const { blobs } = await store.list({ limit: 1_000 })
  return blobs.map(({ digest }) => digest)
}

/** Digests that the tags of all repositories need, with the referrers of their manifests. */
export async function findNeeded(world: CheckedWorld): Promise<Set<Digest>> {
  const [node] = world.nodes
  assert.ok(node)
  const needed = new Set<Digest>()
  const visit = async (repository: RepositoryName, digest: Digest): Promise<void> => {
    needed.add(digest)
    const manifest = await node.metadata.findManifest(repository, digest)
    const {
      config,
      layers = [],
      manifests = [],
    } = JSON.parse(Buffer.from(manifest?.bytes ?? []).toString()) as Content
    for (const blob of config ? [config, ...layers] : layers) needed.add(blob.digest)
    for (const child of manifests) await visit(repository, child.digest)
    const page = { limit: 1_000, last: undefined, artifactType: undefined, maxBytes: 1e9 }
    const { rows } = await node.metadata.listReferrers(repository, digest, page)
    for (const row of rows) await visit(repository, row.digest)
  }
  for (const [key, digest] of await readTags(world)) {
    await visit(key.split(':')[0] as RepositoryName, digest)
  }
  return needed
}
