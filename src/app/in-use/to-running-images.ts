import type { RunningContainer } from '../../front-door/docker/read-running-images.ts'
import type { RunningImage } from '../../metadata/in-use-facts.ts'
import { isDigest } from '../../oci/digest.ts'
import { isRepositoryName } from '../../oci/repository-name.ts'

/** Containers of one image that are named; of more the number. */
const MAX_NAMED = 3

/** The images of this registry among those of containers, each once. `isOwnHost` decides by host and port. */
export function toRunningImages(
  containers: readonly RunningContainer[],
  isOwnHost: (host: string) => boolean,
): RunningImage[] {
  const found = new Map<string, { image: Pick<RunningImage, 'repository' | 'digest'>; names: string[] }>()
  for (const { name, imageNames } of containers) {
    for (const imageName of imageNames) {
      const image = parseImageName(imageName)
      if (!image || !isOwnHost(image.host)) continue
      const key = `${image.repository}@${image.digest}`
      const entry = found.get(key) ?? { image, names: [] }
      if (!entry.names.includes(name)) entry.names.push(name)
      found.set(key, entry)
    }
  }
  return [...found.values()].map(({ image: { repository, digest }, names }) => ({
    repository,
    digest,
    containers: describeNames(names.toSorted()),
  }))
}

function describeNames(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Host, repository and digest of `host/name@digest`; undefined for a name without a host, which is of Docker Hub. */
function parseImageName(
  text: string,
): (Pick<RunningImage, 'repository' | 'digest'> & { host: string }) | undefined {
  const [name = '', digest = ''] = text.split('@')
  const slash = name.indexOf('/')
  const host = name.slice(0, Math.max(slash, 0))
  const repository = name.slice(slash + 1)
  if (!/[.:]/.test(host) && host !== 'localhost') return undefined
  return isRepositoryName(repository) && isDigest(digest) ? { host, repository, digest } : undefined
}
