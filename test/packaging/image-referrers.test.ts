import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { openClientRoom } from '../support/clients/client-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { findImageFile } from './berth-image.ts'
import { CHECKOUT } from './packages.ts'

const SBOM = 'application/spdx+json'
const PROVENANCE = 'application/vnd.in-toto+json'
/** Largest file of the image, with all its layers compressed, in bytes. */
const MAX_BYTES = 60_000_000

interface Statement {
  readonly subject: readonly { readonly digest: { readonly sha256: string } }[]
  readonly predicateType: string
  readonly predicate: {
    readonly buildDefinition: {
      readonly resolvedDependencies: readonly { readonly uri: string; digest: object }[]
    }
    readonly runDetails: { readonly builder: { readonly id: string } }
  }
}

it('the image comes into a registry with its list of parts and its provenance as referrers', {
  skip: skipReason('buildah', 'oras', 'skopeo', 'strip'),
}, async () => {
  await using room = await openClientRoom()
  const file = await findImageFile(room.folder)
  assert.ok((await stat(file)).size < MAX_BYTES)
  const { host } = room.berth
  const login = ['login', host, '--plain-http', '-u', 'alice', '--password-stdin']
  await room.run('oras', login, room.berth.requirePassword('alice'))
  const reference = `${host}/alice/berth:0.1.0`
  const copy = ['cp', '--recursive', '--from-oci-layout', `${file}:0.1.0`, '--to-plain-http', reference]
  await room.run('oras', copy)

  const inspect = ['inspect', '--format', '{{.Digest}}', `oci-archive:${file}:0.1.0`]
  const digest = (await room.run('skopeo', inspect)).trim()
  const credentials = `alice:${room.berth.requirePassword('alice')}`
  const read = async <T>(path: string): Promise<T> =>
    JSON.parse(await runOk('curl', ['-sfL', '-u', credentials, `http://${host}/v2/alice/berth/${path}`])) as T
  const { manifests } = await read<{ manifests: { digest: string; artifactType: string }[] }>(
    `referrers/${digest}`,
  )
  assert.deepEqual(manifests.map(({ artifactType }) => artifactType).sort(), [SBOM, PROVENANCE])

  const readDocument = async <T>(type: string): Promise<T> => {
    const found = manifests.find(({ artifactType }) => artifactType === type)
    const { layers } = await read<{ layers: { digest: string }[] }>(`manifests/${found?.digest}`)
    return read<T>(`blobs/${layers[0]?.digest}`)
  }
  const { packages } = await readDocument<{ packages: { name: string }[] }>(SBOM)
  for (const name of ['berth', 'node', 'pino', 'libc6'])
    assert.ok(
      packages.some((each) => each.name === name),
      name,
    )
  const { subject, predicateType, predicate } = await readDocument<Statement>(PROVENANCE)
  assert.equal(`sha256:${subject[0]?.digest.sha256}`, digest)
  assert.equal(predicateType, 'https://slsa.dev/provenance/v1')
  assert.equal(predicate.runDetails.builder.id, 'urn:berth:package')
  const materials = predicate.buildDefinition.resolvedDependencies
  const named = (start: string) => materials.find(({ uri }) => uri.startsWith(start))
  const git = (...args: string[]): Promise<string> => runOk('git', args, { cwd: CHECKOUT })
  const isModified = (await git('status', '--porcelain')) !== ''
  // A modified checkout is no commit's.
  const commit = isModified ? undefined : { gitCommit: (await git('rev-parse', 'HEAD')).trim() }
  const own = named('pkg:generic/berth@0.1.0') ?? assert.fail('Berth itself is not among the materials')
  assert.deepEqual(own.digest, commit)
  assert.match(JSON.stringify(named('pkg:generic/node@26.')?.digest), /^\{"sha256":"[0-9a-f]{64}"\}$/)
  assert.match(JSON.stringify(named('pkg:deb/debian/libc6@')?.digest), /^\{"sha256":"[0-9a-f]{64}"\}$/)
  assert.match(JSON.stringify(named('pkg:npm/esbuild@')?.digest), /^\{"sha512":"[0-9a-f]{128}"\}$/)
})
