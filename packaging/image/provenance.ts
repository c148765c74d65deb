import { debianPurl, type ImageParts, listLocked, nodePurl, npmPurl } from './parts.ts'

/** Facts of how an image was made. */
interface ProvenanceFacts extends ImageParts {
  /** Digest of the image's manifest, `sha256:…`. */
  readonly digest: string
  /** Id of the commit. Another text, as of a modified checkout, is no material's digest. */
  readonly commit: string
}

interface Material {
  readonly uri: string
  readonly digest?: Readonly<Record<string, string>>
}

/** Names the way an image is made, and its builder: this repository's own command. */
const BUILD_TYPE = 'urn:berth:package:image:v1'
const BUILDER = 'urn:berth:package'
const COMMIT = /^[0-9a-f]{40,64}$/

/**
 * How an image was made, as an in-toto statement with SLSA's provenance: its commit, its materials, and what built it. It
 * is not signed, and holds no times, so that two builds give the same text.
 */
export function formatProvenance(facts: ProvenanceFacts): string {
  const { version, architecture, digest, commit } = facts
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `berth:${version}`, digest: readDigest(digest) }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { kind: 'image', architecture },
        internalParameters: {},
        resolvedDependencies: listMaterials(facts),
      },
      runDetails: {
        builder: { id: BUILDER, version: { berth: version } },
        metadata: { invocationId: commit },
      },
    },
  }
  return `${JSON.stringify(statement, null, 2)}\n`
}

function listMaterials(facts: ProvenanceFacts): Material[] {
  const { version, commit, packages, lock, node } = facts
  const source = {
    uri: `pkg:generic/berth@${version}`,
    ...(COMMIT.test(commit) ? { digest: { gitCommit: commit } } : {}),
  }
  const runtime = { uri: nodePurl(facts), digest: { sha256: node.sha256 } }
  const debian = packages.map((each) => ({ uri: debianPurl(each), digest: { sha256: each.sha256 } }))
  return [source, runtime, ...debian, ...lockedMaterials(lock)]
}

/** The packages of npm, also those that are needed to build only. */
function lockedMaterials(lock: unknown): Material[] {
  return listLocked(lock).flatMap(({ integrity, ...each }) =>
    integrity === undefined ? [] : [{ uri: npmPurl(each), digest: readIntegrity(integrity) }],
  )
}

function readDigest(digest: string): Record<string, string> {
  const [algorithm = '', hex = ''] = digest.split(':')
  return { [algorithm]: hex }
}

/** A lock's `sha512-BASE64` as a digest in hexadecimal. */
function readIntegrity(integrity: string): Record<string, string> {
  const dash = integrity.indexOf('-')
  return { [integrity.slice(0, dash)]: Buffer.from(integrity.slice(dash + 1), 'base64').toString('hex') }
}
