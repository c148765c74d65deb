import type { Image } from './make-image.ts'
import { makeTar } from './tar.ts'

/** A tar of an OCI image layout, under a full image name, for clients that import archives. */
export function makeOciArchive(name: string, { root, contents }: Image): Buffer {
  const manifest = {
    ...root.descriptor,
    annotations: {
      'org.opencontainers.image.ref.name': name.split(':').at(-1),
      'io.containerd.image.name': name,
    },
  }
  return makeTar([
    { path: 'oci-layout', bytes: Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' })) },
    { path: 'index.json', bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [manifest] })) },
    ...[root, ...contents].map(({ descriptor, bytes }) => ({
      path: `blobs/${descriptor.digest.replace(':', '/')}`,
      bytes,
    })),
  ])
}
