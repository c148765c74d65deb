import type { NodeProgram } from '../bundle/node-program.ts'
import type { DebianPackage } from './debian-files.ts'

/** Versions and packages in one image, for its lists of parts. */
export interface ImageParts {
  readonly version: string
  readonly architecture: string
  readonly packages: readonly DebianPackage[]
  /** Content of package-lock.json. */
  readonly lock: unknown
  /** The Node of the executable. */
  readonly node: NodeProgram
}

/** A package of npm as package-lock.json has it. */
interface LockedPackage {
  readonly name: string
  readonly version: string
  /** Needed to build only. */
  readonly dev?: boolean
  readonly license?: string
  /** Its hash, `sha512-BASE64`. */
  readonly integrity?: string
}

/**
 * The packages of npm by package-lock.json, without those made for one system: they only build, and it depends on the
 * machine which of them is installed.
 */
export function listLocked(lock: unknown): LockedPackage[] {
  const { packages } = lock as {
    packages: Readonly<Record<string, Omit<LockedPackage, 'name'> & { readonly os?: readonly string[] }>>
  }
  return Object.entries(packages)
    .filter(([path, { os }]) => path !== '' && os === undefined)
    .map(([path, each]) => ({
      ...each,
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    }))
}

/** Package URL of a package of npm. */
export function npmPurl({ name, version }: Pick<LockedPackage, 'name' | 'version'>): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`
}

/** Package URL of a package of Debian. */
export function debianPurl({ name, version, architecture }: DebianPackage): string {
  return `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`
}

/** Package URL of the Node inside the executable. */
export function nodePurl({ node, architecture }: Pick<ImageParts, 'node' | 'architecture'>): string {
  return `pkg:generic/node@${node.version}?arch=${architecture}`
}
