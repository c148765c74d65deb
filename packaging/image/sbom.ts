import type { DebianPackage } from './debian-files.ts'

/** Facts of an image's list of parts. */
interface SbomFacts {
  readonly version: string
  readonly architecture: string
  readonly packages: readonly DebianPackage[]
  /** Content of package-lock.json. */
  readonly lock: unknown
  /** Seconds since 1970. */
  readonly createdS: number
}

interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly license?: string
}

interface Part {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly purl: string
}

/** The parts of an image as an SPDX 2.3 document: the packages of npm and of Debian. The same parts give the same text. */
export function formatSbom({ version, architecture, packages, lock, createdS }: SbomFacts): string {
  const parts = [...lockedParts(lock), ...packages.map(debianPart)]
  const own = { name: 'berth', version, license: 'Apache-2.0', purl: `pkg:npm/berth@${version}` }
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

/** The packages that are needed to run, which the bundle holds. */
function lockedParts(lock: unknown): Part[] {
  const { packages } = lock as { packages: Record<string, LockedPackage> }
  return Object.entries(packages)
    .filter(([path, { dev, optional }]) => path !== '' && !dev && !optional)
    .map(([path, { version = '', license = 'NOASSERTION' }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
      return { name, version, license, purl: `pkg:npm/${name.replace('@', '%40')}@${version}` }
    })
}

function debianPart({ name, version, architecture }: DebianPackage): Part {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`
  return { name, version, license: 'NOASSERTION', purl }
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
