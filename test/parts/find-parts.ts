import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Folder of the programs that `.ci/install-parts` builds. */
const PARTS_FOLDER: string = process.env.TEST_PARTS ?? join(homedir(), '.cache', 'berth-parts')

/** Search path for real parts: our own builds first; the system's folders stand at the end even for a plain user. */
export const PARTS_PATH: string = [
  join(PARTS_FOLDER, 'bin'),
  ...(process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules')),
  '/usr/sbin',
  '/sbin',
].join(delimiter)

/** Folder with the schemas of Kubernetes' objects, one folder a version; the name holds the version of the package they come from. */
export const KUBERNETES_SCHEMAS: string = join(
  PARTS_FOLDER,
  'kubernetes_validate-1.37.0/kubernetes_validate/kubernetes-json-schema',
)

/** Path of a program; undefined if this machine does not have it. */
export function findPart(name: string): string | undefined {
  return PARTS_PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

/** Path of a program that {@link skipReason} has found. */
export function part(name: string): string {
  return findPart(name) ?? name
}

/**
 * For `describe(…, { skip: skipReason(…) })`: false if all parts are there, else the reason to skip, by name. In CI
 * each part is required: a missing one is an error there.
 */
export function skipReason(...names: readonly string[]): string | false {
  const missing = names.filter((name) => findPart(name) === undefined)
  const reasons = missing.map((name) => `${name} is not installed (.ci/install-parts installs it)`)
  if (process.getuid?.() !== 0 && names.some((name) => NEEDS_ROOT.includes(name))) reasons.push('needs root')
  if (reasons.length === 0) return false
  if (process.env.CI === 'true') throw new Error(reasons.join('; '))
  return reasons.join('; ')
}

/** Parts that need to mount, or to make containers. */
const NEEDS_ROOT = ['dockerd', 'containerd', 'buildkitd', 'podman', 'buildah']

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Absent, or not executable for this user: not this one.
    return false
  }
}
