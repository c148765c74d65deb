import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk } from '../machine/run-command.ts'

/** Files that a CA mails, in the order of a cheap one: root first. */
interface MailedCertificates {
  readonly rootFile: string
  /** Root, upper intermediate, lower intermediate, own certificate: one file each. */
  readonly files: readonly string[]
}

/** Signs a CSR as a CA with two intermediates does, in a folder of its own; valid for 90 days. */
export async function mailCertificates(folder: string, csrFile: string): Promise<MailedCertificates> {
  const file = (name: string): string => join(folder, name)
  const openssl = (...args: string[]): Promise<string> => runOk('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const authority = 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n'
  await writeFile(file('ca.ext'), `${authority}subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`)
  const root = ['-subj', '/CN=Berth test root', '-days', '3650', '-keyout', 'root.key', '-out', 'root.crt']
  await openssl('req', '-x509', ...key, ...root)
  const sign = async (name: string, issuer: string, extensions: string): Promise<void> => {
    const by = ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
    await openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...by,
      '-extfile',
      extensions,
      '-days',
      '90',
      '-out',
      `${name}.crt`,
    )
  }
  for (const [name, issuer] of [
    ['upper', 'root'],
    ['lower', 'upper'],
  ] as const) {
    await openssl(
      'req',
      ...key,
      '-subj',
      `/CN=Berth test ${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    await sign(name, issuer, 'ca.ext')
  }
  const names = await readNames(csrFile)
  await writeFile(
    file('leaf.ext'),
    `subjectAltName=${names}\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n`,
  )
  await writeFile(file('leaf.csr'), await readFile(csrFile))
  await sign('leaf', 'lower', 'leaf.ext')
  return {
    rootFile: file('root.crt'),
    files: ['root.crt', 'upper.crt', 'lower.crt', 'leaf.crt'].map(file),
  }
}

/** The names of a CSR, as openssl writes them. */
async function readNames(csrFile: string): Promise<string> {
  const text = await runOk('openssl', ['req', '-in', csrFile, '-noout', '-text'])
  const names = [...text.matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => `DNS:${name}`)
  if (names.length === 0) throw new Error(`the CSR asks for no name\n${text}`)
  return [...new Set(names)].join(',')
}
