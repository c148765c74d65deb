import { existsSync } from 'node:fs'

/** Usual sockets of engines: on the host, and inside nginx-proxy's container. */
const USUAL_SOCKETS = ['/var/run/docker.sock', '/tmp/docker.sock', '/run/podman/podman.sock']

/** The engine of a configuration; undefined: none. */
export function findDockerUrl({
  dockerHost,
}: {
  readonly dockerHost: string | undefined
}): string | undefined {
  if (dockerHost !== 'auto') return dockerHost
  const socket = USUAL_SOCKETS.find((path) => existsSync(path))
  return socket && `unix://${socket}`
}
