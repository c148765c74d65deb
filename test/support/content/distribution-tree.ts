import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'

/** A folder as the Distribution registry leaves it, written by a test. */
export function createDistributionTree(root: string) {
  const top = join(root, 'docker/registry/v2')
  const write = (path: string, content: string | Buffer, at?: Date): void => {
    const file = join(top, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
    if (at) utimesSync(file, at, at)
  }
  const toPath = (digest: string): string => digest.replace(':', '/')
  const tree = {
    top,
    write,
    /** Makes a symbolic link at `path` to `target`. */
    linkOut(path: string, target: string): void {
      mkdirSync(dirname(join(top, path)), { recursive: true })
      symlinkSync(target, join(top, path))
    },
    blob(content: string | Buffer): Digest {
      const digest = hashContent(content)
      tree.store(digest, content)
      return digest
    },
    store(digest: string, content: string | Buffer): void {
      const hex = digest.slice(7)
      write(`blobs/${digest.slice(0, 6)}/${hex.slice(0, 2)}/${hex}/data`, content)
    },
    layer(name: string, content: string | Buffer, { isStored = true, isLinked = true } = {}): Digest {
      const digest = isStored ? tree.blob(content) : hashContent(content)
      if (isLinked) write(`repositories/${name}/_layers/${toPath(digest)}/link`, digest)
      return digest
    },
    manifest(
      name: string,
      document: object | string,
      { isStored = true, at }: { isStored?: boolean; at?: Date } = {},
    ) {
      const bytes = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document))
      const digest = isStored ? tree.blob(bytes) : hashContent(bytes)
      write(`repositories/${name}/_manifests/revisions/${toPath(digest)}/link`, digest, at)
      return { digest, size: bytes.length, bytes }
    },
    tag(name: string, tag: string, digest: string, at?: Date): void {
      write(`repositories/${name}/_manifests/tags/${tag}/index/${toPath(digest)}/link`, digest, at)
      write(`repositories/${name}/_manifests/tags/${tag}/current/link`, digest, at)
    },
    /** An image of one layer, which is its seed. */
    image(
      name: string,
      seed: string,
      more: { tag?: string; at?: Date; extra?: object; hasType?: boolean } = {},
    ) {
      const config = `{"seed":"${seed}"}`
      const document = {
        schemaVersion: 2,
        ...(more.hasType === false ? {} : { mediaType: OCI_MANIFEST }),
        config: {
          mediaType: 'application/vnd.oci.image.config.v1+json',
          digest: tree.layer(name, config),
          size: config.length,
        },
        layers: [
          {
            mediaType: 'application/vnd.oci.image.layer.v1.tar',
            digest: tree.layer(name, seed),
            size: seed.length,
          },
        ],
        ...more.extra,
      }
      const stored = tree.manifest(name, document, more)
      if (more.tag !== undefined) tree.tag(name, more.tag, stored.digest, more.at)
      return stored
    },
    index(name: string, children: readonly { digest: string; size: number }[], tag?: string) {
      const document = {
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: children.map(({ digest, size }) => ({ mediaType: OCI_MANIFEST, digest, size })),
      }
      const stored = tree.manifest(name, document)
      if (tag !== undefined) tree.tag(name, tag, stored.digest)
      return stored
    },
  }
  return tree
}

/** The digest of another algorithm. */
export function hashBySha512(content: string | Buffer): string {
  return `sha512:${createHash('sha512').update(content).digest('hex')}`
}
