import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makePaper } from '../support/certificates/paper-ca.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { PARTS_PATH, part } from './find-parts.ts'

const SCHEMAS = ['core', 'cosine', 'nis', 'inetorgperson']
/** Entry that may read all and change all. */
const MANAGER = 'cn=manager,dc=example,dc=com'
const MANAGER_PASSWORD = 'the manager of the directory'
const SEARCHER = 'cn=searcher,ou=services,dc=example,dc=com'
const SEARCHER_PASSWORD = 'the searcher of the directory'

/** A running OpenLDAP server with an empty organization: `ou=people`, `ou=groups`, `ou=services`. */
export interface Slapd extends AsyncDisposable {
  /** `ldap://`, without encryption unless StartTLS is used. */
  readonly url: string
  readonly tlsUrl: string
  /** PEM file of the authority that signs its certificate. */
  readonly caFile: string
  readonly searcher: { readonly dn: string; readonly passwordFile: string }
  /** Adds entries of LDIF. */
  add(ldif: string): Promise<void>
  /** Changes entries by LDIF with `changetype`. */
  change(ldif: string): Promise<void>
  /** Its log of operations: shows what passed through it. */
  readLog(): Promise<string>
  stop(): Promise<void>
}

/** Starts OpenLDAP's server on loopback. Nobody may search without a log-in, and passwords cannot be read. */
export async function startSlapd(): Promise<Slapd> {
  noteSecret(MANAGER_PASSWORD)
  noteSecret(SEARCHER_PASSWORD)
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('slapd'))
  const file = (name: string): string => join(folder.path, name)
  const authority = makePaper('Authority of the directory')
  const server = makePaper('localhost', { by: authority, names: ['localhost', '127.0.0.1'] })
  const content = {
    'ca.pem': authority.pem,
    'cert.pem': server.pem,
    'key.pem': server.keyPem,
    'searcher-password': `${SEARCHER_PASSWORD}\n`,
    'slapd.conf': formatConfig(file),
  }
  await mkdir(file('db'))
  for (const [name, text] of Object.entries(content)) await writeFile(file(name), text, { mode: 0o600 })
  await chmod(folder.path, 0o700)
  const [port, tlsPort] = [await findFreePort(), await findFreePort()]
  const [url, tlsUrl] = [`ldap://localhost:${port}`, `ldaps://localhost:${tlsPort}`]
  const started = await startProcess('setpriv', {
    // It ends with the test's process, however that ends.
    args: [
      '--pdeathsig=KILL',
      part('slapd'),
      '-d',
      '256',
      '-f',
      file('slapd.conf'),
      '-h',
      `${url} ${tlsUrl}`,
    ],
    logFile: file('slapd.log'),
    env: { PATH: PARTS_PATH },
    isReady: async () => (await isListening(port)) && (await isListening(tlsPort)),
  })
  resources.defer(async () => void (await started.stop()))
  const run = async (program: string, ldif: string): Promise<void> => {
    await runOk(part(program), ['-x', '-H', url, '-D', MANAGER, '-w', MANAGER_PASSWORD], { input: ldif })
  }
  const slapd = {
    url,
    tlsUrl,
    caFile: file('ca.pem'),
    searcher: { dn: SEARCHER, passwordFile: file('searcher-password') },
    add: (ldif: string) => run('ldapadd', ldif),
    change: (ldif: string) => run('ldapmodify', ldif),
    readLog: started.readLog,
  }
  await slapd.add(ORGANIZATION)
  const kept = resources.move()
  return {
    ...slapd,
    stop: async () => void (await started.stop()),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** LDIF of a person below `ou=people`. */
export function formatPerson(uid: string, password: string): string {
  noteSecret(password)
  return `dn: uid=${uid.replaceAll('\\', '\\5c')},ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: ${uid}
cn: ${uid}
sn: ${uid}
userPassword: ${password}

`
}

/** LDIF of a group below `ou=groups` with these persons. */
export function formatGroup(cn: string, uids: readonly string[]): string {
  const members = uids.map((uid) => `member: uid=${uid},ou=people,dc=example,dc=com\n`).join('')
  return `dn: cn=${cn},ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: ${cn}
${members}
`
}

const ORGANIZATION = `dn: dc=example,dc=com
objectClass: domain
dc: example

${['people', 'groups', 'services'].map((ou) => `dn: ou=${ou},dc=example,dc=com\nobjectClass: organizationalUnit\nou: ${ou}\n\n`).join('')}
dn: ${SEARCHER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: searcher
userPassword: ${SEARCHER_PASSWORD}

`

function formatConfig(file: (name: string) => string): string {
  return [
    ...SCHEMAS.map((schema) => `include /etc/ldap/schema/${schema}.schema`),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    `pidfile ${file('slapd.pid')}`,
    `TLSCACertificateFile ${file('ca.pem')}`,
    `TLSCertificateFile ${file('cert.pem')}`,
    `TLSCertificateKeyFile ${file('key.pem')}`,
    'database mdb',
    'suffix "dc=example,dc=com"',
    `rootdn "${MANAGER}"`,
    `rootpw "${MANAGER_PASSWORD}"`,
    `directory ${file('db')}`,
    'access to attrs=userPassword by anonymous auth by * none',
    'access to * by users read by * none',
    '',
  ].join('\n')
}
