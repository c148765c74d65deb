import { hostname } from 'node:os'
import type { Config } from '../../config/config.ts'

/** Names by which each machine reaches itself. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/**
 * Makes a function that is true for the host of an image name if that is this registry: one of its domains, whatever the
 * port, or its public URL. A program on this machine may also have used the machine's name with the port of a listener;
 * a registry without a name of its own is any host with such a port.
 */
export function createOwnHosts(
  config: Pick<Config, 'frontDoor' | 'publicUrl' | 'listenHttp' | 'listenHttps'>,
): (host: string) => boolean {
  const publicHost = config.publicUrl === undefined ? [] : [new URL(config.publicUrl).hostname.toLowerCase()]
  const names = new Set([...(config.frontDoor?.domains ?? []), ...publicHost])
  const own = new Set([...LOOPBACK, hostname().toLowerCase()])
  const ports = new Set(
    [config.listenHttp, config.listenHttps].flatMap((address) =>
      address === undefined || address.path !== undefined ? [] : [address.port],
    ),
  )
  return (host) => {
    const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec(host.toLowerCase()) ?? []
    if (names.has(name)) return true
    const isOwnPort = port === undefined ? ports.has(443) || ports.has(80) : ports.has(Number(port))
    return isOwnPort && (names.size === 0 || own.has(name))
  }
}
