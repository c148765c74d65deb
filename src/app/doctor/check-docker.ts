import { createDockerClient } from '../../front-door/docker/engine/docker-client.ts'
import { DockerError } from '../../front-door/docker/engine/docker-error.ts'
import { findDockerUrl } from '../door/find-docker-url.ts'
import { type Finding, failed, ok, reasonOf, skipped } from './finding.ts'

/** Checks that the Docker engine can be read from. */
export async function checkDocker(dockerHost: string | undefined): Promise<Finding> {
  const url = findDockerUrl({ dockerHost })
  if (url === undefined) {
    return skipped('docker', dockerHost === undefined ? 'docker-host is off' : 'No Docker socket was found')
  }
  try {
    const client = createDockerClient(url, process.env.DOCKER_CERT_PATH)
    const version = (await client.get('/version')) as { Version?: unknown; ApiVersion?: unknown }
    const list = await client.get('/containers/json?all=1')
    const count = Array.isArray(list) ? list.length : 0
    const api = `version ${String(version.Version)}, API ${String(version.ApiVersion)}`
    return ok('docker', `The engine at ${url} answers (${api}, ${count} containers)`)
  } catch (error) {
    const remedy = error instanceof DockerError ? error.remedy : 'Check that the engine runs'
    return failed('docker', error instanceof Error ? error.message : reasonOf(error), remedy)
  }
}
