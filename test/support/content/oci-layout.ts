import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashSha256 } from '../requests/push-content.ts'
import type { Descriptor, Image } from './make-image.ts'

/** Writes an OCI image layout (image-spec, image-layout.md) with each image under its name. */
export async function writeOciLayout(folder: string, images: Readonly<Record<string, Image>>): Promise<void> {
  const blobs = join(folder, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const manifests = Object.entries(images).map(([name, { root }]) => ({
    ...root.descriptor,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }))
  for (const { root, contents } of Object.values(images)) {
    for (const { descriptor, bytes } of [root, ...contents]) {
      await writeFile(join(blobs, descriptor.digest.slice('sha256:'.length)), bytes)
    }
  }
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}

/**
 * Checks that a layout holds these bytes, exactly, for a descriptor and all it names, and answers their digests.
 * Errors: a missing or different file.
 */
export async function readOciLayout(folder: string): Promise<{ roots: Descriptor[]; digests: Set<string> }> {
  const index: { manifests: Descriptor[] } = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8'))
  const digests = new Set<string>()
  const visit = async ({ digest, mediaType }: Descriptor): Promise<void> => {
    const bytes = await readFile(join(folder, 'blobs', ...digest.split(':')))
    if (hashSha256(bytes) !== digest) throw new Error(`the bytes of ${digest} are others`)
    digests.add(digest)
    if (!/\.(?:manifest|index|list)\./.test(mediaType)) return
    const { manifests = [], layers = [], config } = JSON.parse(bytes.toString())
    for (const child of [...manifests, ...layers, ...(config ? [config] : [])]) await visit(child)
  }
  for (const root of index.manifests) await visit(root)
  return { roots: index.manifests, digests }
}
