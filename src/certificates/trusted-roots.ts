import type { X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import { readCertificate } from './x509-facts.ts'

let systemRoots: readonly X509Certificate[] | undefined

/**
 * The roots of this system, as Docker, curl and other programs on it trust them; those that came with the program where
 * the system has none. Read once; takes a few MB, so that only commands ask for it.
 */
export function readSystemRoots(): readonly X509Certificate[] {
  systemRoots ??= load()
  return systemRoots
}

function load(): X509Certificate[] {
  const system = getCACertificates('system')
  const texts = new Set(system.length > 0 ? system : getCACertificates('bundled'))
  return [...texts].flatMap((text) => readCertificate(text) ?? [])
}
