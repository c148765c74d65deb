import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk } from '../machine/run-command.ts'

/** PEM files of a certificate authority and of a server certificate it has issued. */
export interface Certificates {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
}

/** Makes an authority of the test's own and a certificate for an IP address, in a folder; valid for two days. */
export async function makeCertificates(folder: string, address: string): Promise<Certificates> {
  const file = (name: string): string => join(folder, name)
  const openssl = (...args: string[]): Promise<string> => runOk('openssl', args, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authority = ['-subj', '/CN=Berth test authority', '-days', '2', '-keyout', 'ca.key', '-out', 'ca.crt']
  await openssl('req', '-x509', ...newKey, ...authority)
  await openssl('req', ...newKey, '-subj', '/CN=registry', '-keyout', 'server.key', '-out', 'server.csr')
  await writeFile(file('extensions'), `subjectAltName=IP:${address}\nextendedKeyUsage=serverAuth\n`)
  const issuer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions']
  await openssl('x509', '-req', '-in', 'server.csr', ...issuer, '-days', '2', '-out', 'server.crt')
  return { caFile: file('ca.crt'), certFile: file('server.crt'), keyFile: file('server.key') }
}
