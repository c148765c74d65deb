import { type Digest, hashContent } from '../../../../src/oci/digest.ts'
import { parseReference, parseTag, type Tag } from '../../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../../src/oci/repository-name.ts'
import { type PolicyDocument, parsePolicyDocument } from '../../../../src/policies/policy-document.ts'
import { createBody, formatManifest } from '../../../support/memory/registry-room.ts'
import type { Site } from '../site.ts'
import type { Ledger, States } from './ledger.ts'

export const OWNER = 'user:1'
export const APP = parseRepositoryName('alice/app')
export const WEB = parseRepositoryName('alice/web')
export const GONE = parseRepositoryName('carol/gone')

/** Registry and ledger of one point. */
export interface PointRoom {
  readonly site: Site
  readonly ledger: Ledger
}

/** The content of a layer: some pages of the disk. */
export function layerText(name: string): string {
  return `layer ${name}, `.repeat(900)
}

export const CONFIG = '{}'

export function blobThing(repository: RepositoryName, text: string): string {
  return `blob ${repository}@${hashContent(text)}`
}

export function manifestThing(repository: RepositoryName, bytes: Buffer): string {
  return `manifest ${repository}@${hashContent(bytes)}`
}

export function tagThing(repository: RepositoryName, tag: string): string {
  return `tag ${repository}:${tag}`
}

export function imageOf(...layers: string[]): Buffer {
  return formatManifest({ layers: layers.map(layerText) })
}

export const SIGNATURE_TYPE = 'test/signature'

/** Rules that end the tag of the index, and remove images without a tag early. */
export const RETENTION: PolicyDocument = parsePolicyDocument({
  policies: [
    {
      repositories: [APP],
      retention: { rules: [{ tags: ['multi'], keep: 'none' }], 'untagged-after': '2h' },
    },
  ],
})

/** Pushes one blob in one request. */
export async function pushBlob(
  { site, ledger }: PointRoom,
  repository: RepositoryName,
  text: string,
): Promise<void> {
  const digest = hashContent(text)
  await ledger.step({ [blobThing(repository, text)]: 'there' }, () =>
    site.registry.pushWholeBlob({ repository, owner: OWNER, digest }, createBody(text)),
  )
}

/** Pushes a manifest under tags, or by its digest. */
export async function pushManifest(
  { site, ledger }: PointRoom,
  repository: RepositoryName,
  { bytes, tags = [] }: { bytes: Buffer; tags?: readonly string[] },
): Promise<Digest> {
  const digest = hashContent(bytes)
  const [first, ...others] = tags.map(parseTag) as Tag[]
  const states: Record<string, Digest | 'there'> = { [manifestThing(repository, bytes)]: 'there' }
  for (const tag of tags) states[tagThing(repository, tag)] = digest
  const reference = parseReference(first ?? digest)
  const push = { repository, owner: OWNER, reference, bytes, tags: others, contentType: undefined }
  await ledger.step(states satisfies States, () => site.registry.pushManifest(push))
  return digest
}

/** Pushes blobs, then the image of them. */
export async function pushImage(
  room: PointRoom,
  repository: RepositoryName,
  { layers, tags }: { layers: readonly string[]; tags: readonly string[] },
): Promise<Digest> {
  for (const text of [CONFIG, ...layers.map(layerText)]) await pushBlob(room, repository, text)
  return pushManifest(room, repository, { bytes: imageOf(...layers), tags })
}
