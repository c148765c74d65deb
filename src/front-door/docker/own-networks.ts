import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { ContainerFacts } from './container-facts.ts'

/** Names the container whose networks count as ours: nginx-proxy's way of running apart from what it proxies. */
const NGINX_LABEL = 'com.github.nginx-proxy.nginx-proxy.nginx'
const CONTAINER_ID = /\b[0-9a-f]{64}\b/g

/** Where Berth stands, seen from containers. */
export interface OwnPlace {
  /** Not in a container, or in the host's network: every bridge is reached. */
  readonly isHost: boolean
  /** Networks that Berth's own container is in. */
  readonly networks: ReadonlySet<string>
  /** Address of the host, for containers in the host's network. */
  readonly gateway: string | undefined
}

/** Where Berth stands when it runs on the host itself. */
export const ON_HOST: OwnPlace = { isHost: true, networks: new Set(), gateway: undefined }

/** The ids that may be this process's own container, the likeliest first; none outside of containers. */
export async function findOwnIds(): Promise<string[]> {
  const texts = await Promise.all(
    ['/proc/1/cpuset', '/proc/self/cgroup', '/proc/self/mountinfo'].map((file) =>
      readFile(file, 'utf8').catch(() => ''),
    ),
  )
  const ids = [...new Set(texts.flatMap((text) => text.match(CONTAINER_ID) ?? []))]
  const isHere = (id: string): boolean => id.startsWith(hostname())
  return ids.sort((a, b) => Number(isHere(b)) - Number(isHere(a)))
}

/** Where Berth stands, from its own id and all containers. */
export function findOwnPlace(ownIds: readonly string[], containers: readonly ContainerFacts[]): OwnPlace {
  const own =
    containers.find(({ labels, state }) => labels.has(NGINX_LABEL) && state === 'running') ??
    ownIds
      .map((id) => containers.find((container) => container.id === id))
      .find((found) => found !== undefined)
  if (!own || own.isHostNetwork) return ON_HOST
  return {
    isHost: false,
    networks: new Set(own.networks.map(({ name }) => name)),
    gateway: own.networks.find(({ gateway }) => gateway !== undefined)?.gateway,
  }
}
