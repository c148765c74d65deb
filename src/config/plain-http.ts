import { isIP } from 'node:net'
import type { Config } from './config.ts'

/** True if passwords over plain HTTP stay on this machine, or a proxy before it protects them. */
export function isPlainHttpSafe({
  listenHttp,
  insecureHttp,
}: Pick<Config, 'listenHttp' | 'insecureHttp'>): boolean {
  return !listenHttp || insecureHttp || listenHttp.path !== undefined || isLoopback(listenHttp.host)
}

/** True if the host is this machine: bytes to it pass no network. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
