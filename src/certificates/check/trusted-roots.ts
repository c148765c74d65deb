import type { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { AUTHORITY_FILE } from '../folder/certificate-folders.ts'
import { readCertificateFiles } from '../folder/read-certificate-files.ts'
import { readMailedFiles } from '../x509/mailed-files.ts'
import { readCertificate } from '../x509/x509-facts.ts'

const DOCKER_CERTS = '/etc/docker/certs.d'

/** A memo: Node reads the system's roots once in a process, too. */
let systemRoots: readonly X509Certificate[] | undefined

/**
 * The roots of this system, which Docker, curl and other programs on it trust; Node's own if the system has none. Read
 * once; takes a few MB, so that only commands use it.
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

/** Roots that people gave to clients: those of files, in any form. Errors: `CERTIFICATE_UNREADABLE`. */
export async function readOwnRoots(files: readonly string[]): Promise<X509Certificate[]> {
  return readMailedFiles(await readCertificateFiles(files)).certificates.map(({ value }) => value)
}

/** Berth's own CA, if there is one. */
export async function readAuthority(folder: string): Promise<X509Certificate[]> {
  return await readOwnRoots([join(folder, AUTHORITY_FILE)]).catch(() => [])
}

/** The CA of a host in the configuration of Docker on this machine (docs.docker.com/engine/security/certificates). */
export async function readDockerRoots({
  host,
  port,
}: {
  host: string
  port: number
}): Promise<X509Certificate[]> {
  const name = port === 443 ? host : `${host}:${port}`
  return await readOwnRoots([join(DOCKER_CERTS, name, 'ca.crt')]).catch(() => [])
}
