import { isIP } from 'node:net'
import type { Config } from './config.ts'

/** Whether passwords over plain HTTP stay on this machine, or are protected by what stands before it. */
export function isPlainHttpSafe({
  listenHttp,
  insecureHttp,
}: Pick<Config, 'listenHttp' | 'insecureHttp'>): boolean {
  return !listenHttp || insecureHttp || listenHttp.path !== undefined || isLoopback(listenHttp.host)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}
