import { randomBytes } from 'node:crypto'
import { type Digest, hashContent } from '../oci/digest.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import { parseTag, type Tag } from '../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../oci/repository-name.ts'
import type { RegistryClient } from './registry-client.ts'
import { RegistryError } from './registry-error.ts'

/** One finished step of a self-test. */
export interface SelftestStep {
  readonly name: string
  readonly ms: number
  /** Error of the step; undefined: it succeeded. */
  readonly error?: unknown
  /** Remark on a step that succeeded. */
  readonly note?: string
}

/** Size of the layer, in bytes: large enough to be streamed, small enough for any line. */
const LAYER_BYTES = 1024 * 1024

interface TestImage {
  readonly repository: RepositoryName
  readonly tag: Tag
  readonly layer: Uint8Array
  readonly config: Uint8Array
  readonly manifest: Uint8Array
  readonly digest: Digest
}

/**
 * Pushes a random image as `<username>/berth-selftest:<random>`, pulls and checks it, and deletes it. Yields each step
 * when it is over. After a failed step the pushed content is deleted without further yields.
 */
export async function* selftest(client: RegistryClient, username: string): AsyncGenerator<SelftestStep> {
  const image = makeImage(username)
  const cleanUp = cleanUpSteps(client, image)
  const steps = [...pushSteps(client, image), ...pullSteps(client, image), ...cleanUp]
  for (const [index, { name, act }] of steps.entries()) {
    const step = await runStep(name, act)
    // Not after a failed log-in: each further one would count as a wrong password.
    if (step.error !== undefined && index > 0) await cleanUpQuietly(cleanUp)
    yield step
    if (step.error !== undefined) return
  }
}

async function cleanUpQuietly(steps: readonly PlannedStep[]): Promise<void> {
  for (const { act } of steps) await Promise.allSettled([act()])
}

interface PlannedStep {
  readonly name: string
  /** Settles with a note. */
  readonly act: () => Promise<string | undefined>
}

async function runStep(name: string, act: PlannedStep['act']): Promise<SelftestStep> {
  const start = performance.now()
  try {
    const note = await act()
    return { name, ms: performance.now() - start, ...(note === undefined ? {} : { note }) }
  } catch (error) {
    return { name, ms: performance.now() - start, error }
  }
}

function pushSteps(client: RegistryClient, image: TestImage): PlannedStep[] {
  const { repository, tag, layer, config, manifest, digest } = image
  const push = async (bytes: Uint8Array) => {
    await client.pushBlob(repository, bytes)
    if ((await client.headBlob(repository, hashContent(bytes))) === bytes.byteLength) return undefined
    throw wrong('The blob is not there at its length after the push')
  }
  return [
    { name: 'log in', act: async () => void (await client.ping()) },
    { name: 'push layer', act: () => push(layer) },
    { name: 'push config', act: () => push(config) },
    {
      name: 'push manifest',
      async act() {
        const stored = await client.putManifest(repository, tag, {
          mediaType: MEDIA_TYPES.ociManifest,
          bytes: manifest,
        })
        if (stored !== digest) throw wrong('The manifest was stored under another digest')
        return undefined
      },
    },
  ]
}

function pullSteps(client: RegistryClient, image: TestImage): PlannedStep[] {
  const { repository, tag, layer, config, digest } = image
  const pullManifest = async (reference: Tag | Digest) => {
    const pulled = await client.getManifest(repository, reference)
    if (pulled.digest !== digest) throw wrong('The tag names another manifest')
    return undefined
  }
  const pullBlob = async (bytes: Uint8Array) => {
    let size = 0
    for await (const chunk of client.pullBlob(repository, hashContent(bytes))) size += chunk.byteLength
    return size === bytes.byteLength ? undefined : Promise.reject(wrong('The blob has another length'))
  }
  return [
    { name: 'pull manifest by tag', act: () => pullManifest(tag) },
    { name: 'pull manifest by digest', act: () => pullManifest(digest) },
    { name: 'pull config', act: () => pullBlob(config) },
    { name: 'pull layer', act: () => pullBlob(layer) },
    {
      name: 'list tags',
      async act() {
        // Other tests may have left tags: the page begins just before this one.
        const tags = await client.listTags(repository, { last: tag.slice(0, -1) })
        return tags.includes(tag) ? undefined : Promise.reject(wrong('The list lacks the tag'))
      },
    },
  ]
}

/** Deletions in an order that never leaves a reference to deleted content. */
function cleanUpSteps(client: RegistryClient, image: TestImage): PlannedStep[] {
  const { repository, tag, digest, layer, config } = image
  return [
    { name: 'delete tag', act: () => remove(client.deleteTag(repository, tag)) },
    { name: 'delete manifest', act: () => remove(client.deleteManifest(repository, digest)) },
    { name: 'delete layer', act: () => remove(client.deleteBlob(repository, hashContent(layer))) },
    { name: 'delete config', act: () => remove(client.deleteBlob(repository, hashContent(config))) },
  ]
}

/** Deletes; a registry that has deletion turned off is no failure. */
async function remove(deletion: Promise<void>): Promise<string | undefined> {
  try {
    await deletion
    return undefined
  } catch (error) {
    if (error instanceof RegistryError && error.wireCode === 'UNSUPPORTED')
      return 'deleting is turned off: left'
    throw error
  }
}

function makeImage(username: string): TestImage {
  const layer = randomBytes(LAYER_BYTES)
  const diffId = hashContent(layer)
  const config = encode({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [diffId] },
  })
  const manifest = encode({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
  })
  return {
    repository: parseRepositoryName(`${username}/berth-selftest`),
    tag: parseTag(randomBytes(8).toString('hex')),
    layer,
    config,
    manifest,
    digest: hashContent(manifest),
  }
}

function describe(mediaType: string, bytes: Uint8Array): object {
  return { mediaType, digest: hashContent(bytes), size: bytes.byteLength }
}

function encode(document: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document))
}

function wrong(message: string): RegistryError {
  return new RegistryError('REGISTRY_CONTENT_WRONG', message)
}
