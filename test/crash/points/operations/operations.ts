import { hashContent } from '../../../../src/oci/digest.ts'
import { parseTag } from '../../../../src/oci/reference.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import { createBody, formatManifest } from '../../../support/memory/registry-room.ts'
import { BACKUPS } from './backups.ts'
import {
  APP,
  blobThing,
  CONFIG,
  GONE,
  imageOf,
  layerText,
  manifestThing,
  OWNER,
  type PointRoom,
  pushBlob,
  pushImage,
  pushManifest,
  RETENTION,
  SIGNATURE_TYPE,
  tagThing,
  WEB,
} from './content.ts'
import type { Operation } from './operation.ts'
import { SCRUBS } from './scrubs.ts'
import { INDEX, LATER_MS, noteDue, UPKEEP } from './upkeep.ts'
import { WAYS } from './ways.ts'

const GONE_CODES = ['MANIFEST_UNKNOWN', 'BLOB_UNKNOWN', 'NAME_UNKNOWN'] as const
/** What the base holds: see `makeBase()`. */
const SIGNATURE = formatManifest({ subject: imageOf('a', 'b'), artifactType: SIGNATURE_TYPE })

/** Fills an empty registry with content of every kind; at its end some is due. */
export async function makeBase(room: PointRoom): Promise<void> {
  const { site, ledger } = room
  await site.metadata.replacePolicies(RETENTION, { expected: 0 })
  await pushImage(room, APP, { layers: ['old', 'a'], tags: ['latest'] })
  await pushImage(room, APP, { layers: ['a', 'b'], tags: ['v1', 'latest'] })
  await pushManifest(room, APP, { bytes: SIGNATURE })
  await pushImage(room, APP, { layers: ['a'], tags: [] })
  await pushImage(room, APP, { layers: ['c'], tags: [] })
  await pushManifest(room, APP, { bytes: INDEX, tags: ['multi'] })
  await pushImage(room, WEB, { layers: ['a', 'web'], tags: ['v1'] })
  await pushImage(room, WEB, { layers: ['trash'], tags: ['trash'] })
  await deleteManifest(room, WEB, { bytes: imageOf('trash'), tags: ['trash'] })
  await pushImage(room, GONE, { layers: ['a', 'gone'], tags: ['v1'] })
  await deleteRepository(room, GONE, { bytes: imageOf('a', 'gone'), layers: ['a', 'gone'], tag: 'v1' })
  await pushBlob(room, WEB, layerText('unnamed'))
  const text = layerText('resumed')
  const { id } = await site.registry.startUpload({ repository: APP, owner: OWNER, algorithm: undefined })
  const key = { id, repository: APP, owner: OWNER }
  await site.registry.appendUpload(key, createBody(text.slice(0, 5_000)))
  ledger.upload = { key, text, digest: hashContent(text), offset: 5_000, mayHaveEnded: false }
}

async function deleteManifest(
  { site, ledger }: PointRoom,
  repository: RepositoryName,
  { bytes, tags }: { bytes: Buffer; tags: readonly string[] },
): Promise<void> {
  const states = [manifestThing(repository, bytes), ...tags.map((tag) => tagThing(repository, tag))]
  await ledger.step(
    Object.fromEntries(states.map((thing) => [thing, undefined])),
    () => site.registry.deleteManifest(repository, hashContent(bytes)),
    GONE_CODES,
  )
}

async function deleteRepository(
  { site, ledger }: PointRoom,
  repository: RepositoryName,
  { bytes, layers, tag }: { bytes: Buffer; layers: readonly string[]; tag: string },
): Promise<void> {
  const things = [
    manifestThing(repository, bytes),
    tagThing(repository, tag),
    ...[CONFIG, ...layers.map(layerText)].map((text) => blobThing(repository, text)),
  ]
  await ledger.step(Object.fromEntries(things.map((thing) => [thing, undefined])), () =>
    site.metadata.deleteRepository(repository),
  )
}

const PUSHES: readonly Operation[] = [
  { name: 'push a new blob', run: (room) => pushBlob(room, WEB, layerText('new')) },
  { name: 'push a known blob again', run: (room) => pushBlob(room, WEB, layerText('b')) },
  {
    name: 'push a blob whose removal is due',
    async run(room) {
      room.site.clock.now += LATER_MS
      noteDue(room)
      await pushBlob(room, APP, layerText('old'))
    },
  },
  {
    name: 'push a blob in two parts',
    async run({ site, ledger }) {
      const text = layerText('parts')
      const digest = hashContent(text)
      const { id } = await site.registry.startUpload({ repository: APP, owner: OWNER, algorithm: undefined })
      const upload = {
        key: { id, repository: APP, owner: OWNER },
        text,
        digest,
        offset: 0,
        mayHaveEnded: false,
      }
      ledger.upload = upload
      const half = text.length / 2
      await site.registry.appendUpload(upload.key, createBody(text.slice(0, half)))
      upload.offset = half
      upload.mayHaveEnded = true
      await ledger.step({ [blobThing(APP, text)]: 'there' }, () =>
        site.registry.finishUpload(upload.key, digest, createBody(text.slice(half))),
      )
    },
  },
  {
    name: 'go on with an upload',
    async run({ site, ledger }) {
      const upload = ledger.upload
      if (!upload || upload.mayHaveEnded) return
      const { offset } = await site.registry.getUploadStatus(upload.key)
      const next = Math.min(offset + 3_000, upload.text.length)
      const range = next > offset ? { start: offset, end: next - 1 } : undefined
      if (range) {
        await site.registry.appendUpload(upload.key, createBody(upload.text.slice(offset, next)))
        upload.offset = next
      }
    },
  },
  {
    name: 'mount a blob',
    async run({ site, ledger }) {
      const text = layerText('b')
      const mount = { repository: WEB, digest: hashContent(text), from: APP, readable: 'all' as const }
      await ledger.step({ [blobThing(WEB, text)]: 'there' }, () => site.registry.mountBlob(mount))
    },
  },
  {
    name: 'push an image over a tag',
    run: async (room) => void (await pushImage(room, APP, { layers: ['b', 'next'], tags: ['latest', 'v2'] })),
  },
  {
    name: 'push an image again that is in the trash',
    run: async (room) => void (await pushImage(room, WEB, { layers: ['trash'], tags: ['trash'] })),
  },
  {
    name: 'push an index over a tag, and a signature of it',
    async run(room) {
      const bytes = formatManifest({ children: [imageOf('c'), imageOf('a', 'b')] })
      await pushManifest(room, APP, { bytes, tags: ['multi'] })
      await pushManifest(room, APP, {
        bytes: formatManifest({ subject: bytes, artifactType: SIGNATURE_TYPE }),
      })
    },
  },
  {
    name: 'cancel an upload',
    async run({ site, ledger }) {
      const upload = ledger.upload
      if (!upload) return
      upload.mayHaveEnded = true
      await ledger.step({}, () => site.registry.cancelUpload(upload.key), ['BLOB_UPLOAD_UNKNOWN'])
    },
  },
]

const DELETES: readonly Operation[] = [
  {
    name: 'delete a tag',
    run: ({ site, ledger }) =>
      ledger.step(
        { [tagThing(APP, 'latest')]: undefined },
        () => site.registry.deleteManifest(APP, parseTag('latest')),
        GONE_CODES,
      ),
  },
  {
    name: 'delete a manifest',
    run: (room) => deleteManifest(room, APP, { bytes: imageOf('a', 'b'), tags: ['v1', 'latest'] }),
  },
  {
    name: 'delete a blob',
    run: ({ site, ledger }) =>
      ledger.step(
        { [blobThing(WEB, layerText('unnamed'))]: undefined },
        () => site.registry.deleteBlob(WEB, hashContent(layerText('unnamed'))),
        GONE_CODES,
      ),
  },
  {
    name: 'delete a repository',
    run: (room) =>
      deleteRepository(room, WEB, {
        bytes: imageOf('a', 'web'),
        layers: ['a', 'web', 'trash', 'unnamed'],
        tag: 'v1',
      }),
  },
]

const RESTORES: readonly Operation[] = [
  {
    name: 'restore a tag',
    run: ({ site, ledger }) =>
      ledger.step({ [tagThing(APP, 'latest')]: hashContent(imageOf('old', 'a')) }, async () => {
        const target = { repository: APP, tag: parseTag('latest') }
        await site.metadata.restoreTag({ ...target, digest: hashContent(imageOf('old', 'a')) })
      }),
  },
  {
    name: 'restore a manifest',
    run: ({ site, ledger }) =>
      ledger.step(
        {
          [manifestThing(WEB, imageOf('trash'))]: 'there',
          [tagThing(WEB, 'trash')]: hashContent(imageOf('trash')),
        },
        () => site.metadata.restoreManifest(WEB, hashContent(imageOf('trash'))),
      ),
  },
  {
    name: 'restore a repository',
    run: ({ site, ledger }) =>
      ledger.step(
        {
          [manifestThing(GONE, imageOf('a', 'gone'))]: 'there',
          [tagThing(GONE, 'v1')]: hashContent(imageOf('a', 'gone')),
          ...Object.fromEntries(
            [CONFIG, layerText('a'), layerText('gone')].map((text) => [
              blobThing(GONE, text),
              'there' as const,
            ]),
          ),
        },
        () => site.metadata.restoreRepository(GONE),
      ),
  },
]

/** All operations. */
export const OPERATIONS: readonly Operation[] = [
  ...PUSHES,
  ...DELETES,
  ...RESTORES,
  ...UPKEEP,
  ...WAYS,
  ...BACKUPS,
  ...SCRUBS,
]
