import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makePaper } from '../../../../test/support/certificates/paper-ca.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  type ServerCertificate,
  startPostgresServer,
} from '../../../../test/support/database/postgres-server.ts'
import { openThings } from '../../../../test/support/database/things-database.ts'
import { makeTempFolder, type TempFolder } from '../../../../test/support/machine/temp-folder.ts'
import type { PostgresTarget } from './postgres-target.ts'
import { PostgresStartError, requireUsable, type ServerFacts, toStartError } from './start-error.ts'

const CANARY = 'pass-canary-word'

describe('a PostgreSQL database that cannot be opened', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer({ password: CANARY })
    await server.query(`create role guest login password '${CANARY}'`)
    await server.query(`create role crowd login connection limit 0 password '${CANARY}'`)
  })
  after(() => server[Symbol.asyncDispose]())

  const faults: readonly [name: string, more: Partial<PostgresTarget>, message: RegExp, remedy: RegExp][] = [
    ['no such user', { user: 'nobody' }, /does not let the user "nobody"/, /user and password/],
    ['a wrong password', { password: `${CANARY}x` }, /does not let the user "berth"/, /user and password/],
    [
      'no password',
      { password: undefined },
      /demands a password of the user "berth"/,
      /--database-password-file/,
    ],
    [
      'no such database',
      { name: 'absent' },
      /has no database "absent"/,
      /create database absent owner berth/,
    ],
    [
      'a user who may make no tables',
      { user: 'guest' },
      /"guest" may not make tables/,
      /alter database .* owner to guest/,
    ],
    [
      'too many connections',
      { user: 'crowd' },
      /no connection left for the user "crowd"/,
      /max_connections.*database-pool/,
    ],
    ['no server', { port: 1 }, /127\.0\.0\.1:1 cannot be reached/, /whether it runs/],
    ['no such host', { host: 'absent.invalid' }, /name absent\.invalid .* has no address/, /DNS/],
    ['no such socket', { host: '/absent' }, /\/absent:\d+ cannot be reached/, /whether it runs/],
    ['no file of the password', { passwordFile: '/absent' }, /password cannot be read/, /path/],
    ['a folder in place of that file', { passwordFile: '/' }, /password cannot be read/, /path/],
    [
      'no file of certificates',
      { tls: 'verify-ca', rootCertFile: '/absent' },
      /sslrootcert\) cannot be read/,
      /path/,
    ],
    ['no TLS', { tls: 'require' }, /speaks no TLS/, /ssl = on.*sslmode=disable/],
  ]
  for (const [name, more, message, remedy] of faults)
    it(`says what to do about ${name}`, () => assertRefused({ ...server.target(), ...more }, message, remedy))

  it('is reached as the settings say, whatever the variables of other PostgreSQL programs are', async () => {
    await using folder = await makeTempFolder('password')
    const file = join(folder.path, 'pgpass')
    await writeFile(file, `*:*:*:*:${CANARY}\n`, { mode: 0o600 })
    const variables = { PGPASSWORD: CANARY, PGPASSFILE: file, PGSSLNEGOTIATION: 'direct' }
    const withoutPassword = { ...server.target(), password: undefined }
    try {
      Object.assign(process.env, variables)
      await assertRefused(withoutPassword, /demands a password/, /--database-password-file/)
      delete process.env.PGPASSWORD
      await assertRefused(withoutPassword, /demands a password/, /--database-password-file/)
      await using opened = await openThings(server.target())
      await opened.db.check()
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name]
    }
  })

  it('lets a user in whose password is in a file', async () => {
    await using folder = await makeTempFolder('password')
    const passwordFile = join(folder.path, 'password')
    await writeFile(passwordFile, `${CANARY}\n`)
    await using opened = await openThings({ ...server.target(), password: undefined, passwordFile })
    await opened.db.check()
  })
})

describe('TLS to PostgreSQL', { skip: postgresSkipReason() }, () => {
  let folder: TempFolder
  let server: PostgresServer
  before(async () => {
    folder = await makeTempFolder('tls')
    server = await startPostgresServer({ certificate: await makeCertificate(), password: CANARY })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const file = (name: string): string => join(folder.path, name)

  /** Of a CA in `ca.pem`, for the name `localhost`; another CA is in `other.pem`. */
  async function makeCertificate(): Promise<ServerCertificate> {
    const ca = makePaper('Paper CA')
    const leaf = makePaper('postgres', { by: ca, names: ['localhost'] })
    await writeFile(file('ca.pem'), ca.pem)
    await writeFile(file('other.pem'), makePaper('Other CA').pem)
    await writeFile(file('server.pem'), leaf.pem)
    await writeFile(file('server.key'), leaf.keyPem)
    return { certFile: file('server.pem'), keyFile: file('server.key') }
  }

  const target = (more: Partial<PostgresTarget>): PostgresTarget => ({ ...server.target(), ...more })

  it('is encrypted, and checks CA and host name as libpq does', async () => {
    const trusted: Partial<PostgresTarget>[] = [
      { tls: 'require' },
      { tls: 'verify-ca', rootCertFile: file('ca.pem') },
      { tls: 'verify-full', rootCertFile: file('ca.pem'), host: 'localhost' },
    ]
    for (const more of trusted) {
      await using opened = await openThings(target(more))
      await opened.db.check()
      const sessions = await server.query(
        "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name like 'berth%'",
      )
      assert.ok(sessions.length > 0)
      assert.ok(sessions.every(({ ssl }) => ssl === true))
    }
  })

  it('refuses a certificate of another CA', async () => {
    const message = /certificate of PostgreSQL at .* is not trusted/
    for (const tls of ['verify-ca', 'verify-full'] as const) {
      const host = 'localhost'
      await assertRefused(target({ tls, rootCertFile: file('other.pem'), host }), message, /sslrootcert/)
      await assertRefused(target({ tls, host }), message, /sslrootcert=/)
    }
  })

  it('refuses a certificate of another name, and of an address', async () => {
    const more = { tls: 'verify-full', rootCertFile: file('ca.pem'), host: '127.0.0.1' } as const
    await assertRefused(target(more), /does not name 127\.0\.0\.1/, /verify-ca/)
  })
})

describe('toStartError()', () => {
  const target: PostgresTarget = { host: 'db', port: 5432, user: 'berth', name: 'facts', tls: 'verify-full' }
  const rows: readonly [code: string, text: string, message: RegExp, remedy: RegExp][] = [
    ['CERT_HAS_EXPIRED', 'certificate has expired', /certificate .* has expired/, /new one/],
    ['EAI_AGAIN', 'getaddrinfo EAI_AGAIN db', /name db .* has no address/, /DNS/],
    ['53100', 'could not extend file', /disk of PostgreSQL at db:5432 is full/, /Free space/],
    ['XX000', 'could not write init file', /disk of PostgreSQL at db:5432 is full/, /Free space/],
    ['25006', 'cannot execute CREATE TABLE', /"facts" can only be read/, /alter database facts reset/],
    ['XX000', 'canary of a server', /cannot be opened: canary/, /PostgreSQL's log/],
  ]
  for (const [code, text, message, remedy] of rows) {
    it(`knows ${code}: ${text}`, () => {
      const error = toStartError(Object.assign(new Error(text), { code }), target)
      assert.ok(error instanceof PostgresStartError)
      assert.match(error.message, message)
      assert.match(error.remedy, remedy)
    })
  }
})

describe('requireUsable()', () => {
  const good = {
    versionNumber: 150_000,
    version: '15.0',
    isStandby: false,
    encoding: 'UTF8',
    schema: 'public',
  }
  it('takes the least version, and refuses older ones, standbys, other encodings and no schema', () => {
    requireUsable(good)
    const isRefused = (more: Partial<ServerFacts>, message: RegExp): void =>
      assert.throws(() => requireUsable({ ...good, ...more }), { code: 'DATABASE_UNUSABLE', message })
    isRefused({ versionNumber: 149_999, version: '14.99' }, /14\.99 is too old/)
    isRefused({ isStandby: true }, /standby/)
    isRefused({ encoding: 'LATIN1' }, /LATIN1/)
    isRefused({ schema: null }, /search_path/)
  })
})

async function assertRefused(target: PostgresTarget, message: RegExp, remedy: RegExp): Promise<void> {
  const error = await openThings(target).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof PostgresStartError, String(error))
  assert.equal(error.code, 'DATABASE_UNUSABLE')
  assert.match(error.message, message)
  assert.match(error.remedy, remedy)
  assert.doesNotMatch(`${error.message} ${error.remedy}`, /canary/)
}
