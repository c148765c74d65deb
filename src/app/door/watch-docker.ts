import type { Logger } from 'pino'
import type { FrontDoorConfig } from '../../config/front-door.ts'
import {
  type ContainerDefaults,
  createContainerDeclarer,
  findLostContainers,
  type LostContainer,
} from '../../front-door/docker/declare/container-sites.ts'
import { createDockerClient } from '../../front-door/docker/engine/docker-client.ts'
import { ContainerWatch } from '../../front-door/docker/watch-containers.ts'
import type { SiteDeclaration } from '../../front-door/sites/site-declaration.ts'
import { findDockerUrl } from './find-docker-url.ts'

/** Callbacks about containers. */
interface WatchDockerOptions {
  readonly logger: Logger
  readonly onDeclarations: (declarations: readonly SiteDeclaration[]) => void
  readonly onLost: (lost: readonly LostContainer[]) => void
  readonly onState: (state: string) => void
}

/** Watches the containers of the configured engine. A missing one is logged once, and everything else goes on. */
export async function watchDocker(
  door: FrontDoorConfig,
  { logger, onDeclarations, onLost, onState }: WatchDockerOptions,
): Promise<AsyncDisposable | undefined> {
  const url = findDockerUrl(door)
  if (url === undefined) {
    const why = door.dockerHost === 'auto' ? 'no Docker socket was found' : 'docker-host is off'
    onState(`Docker is not watched: ${why}`)
    logger.info(`containers are not watched: ${why}`)
    return undefined
  }
  const { httpsMethod, nonGetRedirect, hsts, isDefaultTrusted, httpWithoutCert } = door
  const { defaultHost, preferIpv6 } = door
  const defaults: ContainerDefaults = {
    ...{ httpsMethod, nonGetRedirect, hsts, isDefaultTrusted, httpWithoutCert, defaultHost, preferIpv6 },
  }
  const declare = createContainerDeclarer(defaults)
  let logged: ReadonlySet<string> = new Set()
  return new ContainerWatch({
    client: createDockerClient(url, process.env.DOCKER_CERT_PATH),
    logger,
    containerLabel: process.env.NGINX_CONTAINER_LABEL || undefined,
    onState,
    onContainers(containers, place) {
      const lost = findLostContainers(containers)
      const lines = new Set(lost.map(({ container, cause, fix }) => `${container}: ${cause}. ${fix}.`))
      for (const problem of lines) {
        if (!logged.has(problem)) logger.warn({ problem }, 'a container cannot be understood')
      }
      logged = lines
      onLost(lost)
      onDeclarations(declare(containers, place))
    },
  })
}
