import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { type Manifest, parseManifest } from '../../oci/manifest.ts'
import { packManifest, unpackManifest } from './packed-manifest.ts'

const SUBJECT = formatManifest()
const CASES: readonly [name: string, bytes: Buffer][] = [
  ['an image', formatManifest({ layers: ['a', 'bc'], annotations: { a: 'b' } })],
  ['an image without layers', formatManifest()],
  ['what refers to a subject', formatManifest({ subject: SUBJECT, artifactType: 'text/x' })],
  ['an index', formatManifest({ children: [SUBJECT, formatManifest({ layers: ['a'] })] })],
  ['an empty index', formatManifest({ children: [] })],
]

/** The parts of a manifest that are stored. */
function essentialsOf({ config, layers, children, subject, ...rest }: Manifest): object {
  const described = [config ? [config] : [], layers, children, subject ? [subject] : []]
  const descriptors = described.map((all) =>
    all.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  )
  return { ...rest, descriptors }
}

for (const [name, bytes] of CASES) {
  test(`\`unpackManifest()\` has of ${name} what \`packManifest()\` was given, as threads pass it`, () => {
    const manifest = parseManifest(bytes, undefined)
    const packed = structuredClone(packManifest(manifest))
    assert.deepEqual(essentialsOf(unpackManifest(packed)), essentialsOf(manifest))
  })
}
