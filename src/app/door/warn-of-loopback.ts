import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { isLoopback } from '../../config/plain-http.ts'
import { findOwnTraces } from '../../front-door/docker/facts/own-networks.ts'

/** True for the first process of a container, or the one that its init starts; a shell in one, as of a developer, may be all that is to reach it. */
function isContainersProgram(): boolean {
  return process.pid === 1 || process.ppid === 1
}

/**
 * Warns of a server in a container that listens on loopback only, as it does without a domain: published ports do not
 * lead there.
 */
export async function warnOfLoopback(
  { listenHttp, listenHttps, frontDoor }: Pick<Config, 'listenHttp' | 'listenHttps' | 'frontDoor'>,
  logger: Logger,
): Promise<void> {
  if (frontDoor) return
  const addresses = [listenHttp, listenHttps].filter((address) => address !== undefined)
  if (!addresses.every((address) => address.path === undefined && isLoopback(address.host))) return
  if (!isContainersProgram() || !(await findOwnTraces()).isContained) return
  logger.warn(
    'this server is reachable inside this container only, unless the container has the network of the host: set BERTH_DOMAIN to its public name, and publish ports 80 and 443; or, behind a proxy that does TLS, set BERTH_LISTEN_HTTP=:5000 and BERTH_INSECURE_HTTP=true, and publish port 5000 to that proxy only',
  )
}
