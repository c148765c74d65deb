import type { DockerClient } from './engine/docker-client.ts'
import { DockerError } from './engine/docker-error.ts'

/** Images inspected at once: little load on an engine that is starting containers. */
const INSPECTS_AT_ONCE = 4
/** Most containers read; more than one engine runs. */
const MAX_CONTAINERS = 10_000
/** Names of one image that are read: those of all registries that it was pulled from or pushed to. */
const MAX_NAMES = 100
/** States in which a container uses its image. */
const RUNNING: ReadonlySet<unknown> = new Set(['running', 'paused', 'restarting'])

/** A container that runs, and the names of its image. */
export interface RunningContainer {
  readonly name: string
  /** Names with digests, such as `registry.example.com/team/app@sha256:…`, as the engine gives them. */
  readonly imageNames: readonly string[]
}

/** Reads the containers of an engine that run. Errors: {@link DockerError}. */
export async function readRunningContainers(client: DockerClient): Promise<RunningContainer[]> {
  const list = await client.get('/containers/json?all=1')
  const entries = (Array.isArray(list) ? (list as unknown[]) : [])
    .map((entry) => (entry ?? {}) as ListEntry)
    .filter(({ State }) => RUNNING.has(State))
    .slice(0, MAX_CONTAINERS)
  const ids = [...new Set(entries.map(({ ImageID }) => ImageID).filter((id) => typeof id === 'string'))]
  const names = new Map<unknown, readonly string[]>()
  for (let at = 0; at < ids.length; at += INSPECTS_AT_ONCE) {
    const some = ids.slice(at, at + INSPECTS_AT_ONCE)
    const found = await Promise.all(some.map((id) => readImageNames(client, id)))
    for (const [index, id] of some.entries()) names.set(id, found[index] ?? [])
  }
  return entries.map((entry) => ({
    name: readName(entry),
    imageNames: [...new Set([...(names.get(entry.ImageID) ?? []), ...readOwnNames(entry)])],
  }))
}

/** The name of an engine that stays the same, and that of its machine; undefined where the engine has none. */
export async function readEngineName(
  client: DockerClient,
): Promise<{ id: string; host: string } | undefined> {
  const version = (await client.get('/version')) as { Components?: { Name?: unknown }[] } | null
  // Podman makes an id anew for each answer.
  const isPodman = JSON.stringify(version?.Components ?? []).includes('Podman')
  if (isPodman) return undefined
  try {
    const info = (await client.get('/info')) as { ID?: unknown; Name?: unknown } | null
    if (typeof info?.ID !== 'string' || info.ID === '' || typeof info.Name !== 'string') return undefined
    return { id: info.ID.slice(0, 200), host: info.Name.slice(0, 200) }
  } catch (error) {
    // A socket proxy may allow the rest only.
    if (error instanceof DockerError && error.code === 'DOCKER_FORBIDDEN') return undefined
    throw error
  }
}

/** An entry of `/containers/json`. */
interface ListEntry {
  readonly Id?: unknown
  readonly Names?: unknown
  readonly State?: unknown
  readonly Image?: unknown
  readonly ImageID?: unknown
  /** Since API 1.48: the manifest that the container was made of. */
  readonly ImageManifestDescriptor?: { readonly digest?: unknown } | null
}

function readName({ Names, Id }: ListEntry): string {
  const [first] = Array.isArray(Names) ? (Names as unknown[]) : []
  const name = typeof first === 'string' ? first.replace(/^\//, '') : String(Id ?? '').slice(0, 12)
  return name.slice(0, 200)
}

/** Names that the container itself has: its image may have been untagged since, and then has no names left. */
function readOwnNames({ Image, ImageManifestDescriptor }: ListEntry): string[] {
  if (typeof Image !== 'string') return []
  if (Image.includes('@')) return [Image]
  const digest = ImageManifestDescriptor?.digest
  // A tag follows the last colon, behind the last slash; the colon of a port is before a slash.
  return typeof digest === 'string' ? [`${Image.replace(/:[^:/]*$/, '')}@${digest}`] : []
}

/** None for an image that is gone: the list was read a moment earlier. */
async function readImageNames(client: DockerClient, id: string): Promise<string[]> {
  try {
    const { RepoDigests } = ((await client.inspectImage(id)) ?? {}) as { RepoDigests?: unknown }
    const names = Array.isArray(RepoDigests) ? (RepoDigests as unknown[]) : []
    return names.filter((name) => typeof name === 'string').slice(0, MAX_NAMES)
  } catch (error) {
    if (error instanceof DockerError && error.code === 'DOCKER_NOT_FOUND') return []
    throw error
  }
}
