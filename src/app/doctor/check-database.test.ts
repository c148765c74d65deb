import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../../../test/support/database/postgres-server.ts'
import { makeTempFolder, type TempFolder } from '../../../test/support/machine/temp-folder.ts'
import { loadConfig } from '../../config/load/load-config.ts'
import { openPostgresDatabase } from '../../database/postgres/open-postgres.ts'
import { MIGRATION_SETS } from '../database/database-schema.ts'
import { checkDatabase } from './check-database.ts'
import type { Finding } from './finding.ts'

/** Delay of each way through the slow proxy, in ms. */
const DELAY_MS = 10

describe('`checkDatabase()` on a PostgreSQL server', { skip: postgresSkipReason() }, () => {
  let folder: TempFolder
  let server: PostgresServer
  before(async () => {
    folder = await makeTempFolder('doctor-postgres')
    const ca = makePaper('Paper CA')
    const leaf = makePaper('postgres', { by: ca, names: ['localhost'] })
    const [certFile, keyFile] = [join(folder.path, 'server.pem'), join(folder.path, 'server.key')]
    await writeFile(join(folder.path, 'ca.pem'), ca.pem)
    await writeFile(certFile, leaf.pem)
    await writeFile(keyFile, leaf.keyPem)
    server = await startPostgresServer({
      certificate: { certFile, keyFile },
      settings: { fsync: 'on', synchronous_commit: 'on' },
    })
    await server.query(`create role owner login password '${server.password}'`)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  it('finds nothing to mend in a database as the manual sets it up', async () => {
    const url = await makeDatabase('plain')
    const findings = await examine(url)
    assert.deepEqual(problems(findings), [])
    assert.match(messages(findings), /no tables of Berth yet.*/)
    await migrated(url)
    assert.match(messages(await examine(url)), /The schema is that of this version/)
  })

  const settings: readonly [
    name: string,
    statement: string,
    state: string,
    message: RegExp,
    remedy: RegExp,
  ][] = [
    [
      'changes that a loss of power takes',
      'alter database DB set synchronous_commit = off',
      'warning',
      /synchronous_commit = off: a crash or a loss of power takes pushes/,
      /Turn it on/,
    ],
    [
      'transactions that are read-only',
      'alter database DB set default_transaction_read_only = on',
      'failed',
      /read-only/,
      /default_transaction_read_only/,
    ],
    [
      'fewer connections than this node takes',
      'alter database DB connection limit 12',
      'warning',
      /takes up to 11 connections, the server allows 12, of which \d+ are left/,
      /limit of the database.*database-pool/,
    ],
    [
      'fewer connections than this node takes, of its user',
      'alter role owner connection limit 13',
      'warning',
      /the server allows 13, of which \d+ are left/,
      /limit of the database or user/,
    ],
    [
      'no connections left',
      'alter role owner connection limit -1; alter database DB connection limit 1',
      'failed',
      /the server allows 1, of which 0 are left/,
      /max_connections/,
    ],
    [
      'a user who may make no tables',
      'alter database DB owner to berth; revoke create on schema public from public',
      'failed',
      /"owner" may not make tables in the database "db_\d+"/,
      /alter database db_\d+ owner to owner/,
    ],
    [
      'a clock that differs',
      `create schema skewed;
        grant all on schema skewed to owner;
        create function skewed.clock_timestamp() returns timestamptz language sql
          as 'select pg_catalog.clock_timestamp() - interval ''90 seconds''';
        alter database DB set search_path = skewed, pg_catalog, public`,
      'warning',
      /(?:89|90|91) s behind this machine's/,
      /time synchronisation/,
    ],
  ]
  for (const [name, statement, state, message, remedy] of settings) {
    it(`finds ${name}`, async () => {
      const database = `db_${settings.findIndex((row) => row[0] === name)}`
      const url = await makeDatabase(database)
      for (const one of statement.replaceAll('DB', database).split(/;\s+(?=[a-z]+ )/)) {
        await server.query(one, database)
      }
      const [problem, ...more] = problems(await examine(url))
      assert.deepEqual(more, [])
      assert.equal(problem?.state, state)
      assert.match(problem.message, message)
      assert.match(problem.remedy ?? '', remedy)
    })
  }

  it('finds an encoding other than UTF8', async () => {
    await server.query("create database latin owner owner encoding 'LATIN1' locale 'C' template template0")
    const [problem] = problems(await examine(urlOf('latin')))
    assert.equal(problem?.state, 'failed')
    assert.match(problem.message, /LATIN1/)
    assert.match(problem.remedy ?? '', /UTF8/)
  })

  const tables: readonly [name: string, statement: string, message: RegExp, remedy: RegExp][] = [
    ['a missing table', 'drop table tags', /lacks tables that it had: tags$/, /backup/],
    [
      'a table of another owner',
      'alter table tags owner to berth',
      /another role than "owner".*: tags$/,
      /alter table tags owner to owner/,
    ],
    [
      'a search_path without a schema',
      'alter database DB set search_path = absent',
      /search_path .* names no schema/,
      /reset search_path/,
    ],
  ]
  for (const [at, [name, statement, message, remedy]] of tables.entries()) {
    it(`finds ${name}`, async () => {
      const database = `tables_${at}`
      const url = await makeDatabase(database)
      await migrated(url)
      await server.query(statement.replace('DB', database), database)
      const [problem, ...more] = problems(await examine(url))
      assert.deepEqual(more, [])
      assert.equal(problem?.state, 'failed')
      assert.match(problem.message, message)
      assert.match(problem.remedy ?? '', remedy)
    })
  }

  it('finds a superuser, an older schema and a newer one', async () => {
    await makeDatabase('versions')
    const url = server.url('versions')
    await migrated(url)
    const [superuser, ...more] = problems(await examine(url))
    assert.deepEqual(more, [])
    assert.match(superuser?.message ?? '', /"berth" is a superuser/)
    await server.query("delete from kysely_migration where name like 'tokens/%'", 'versions')
    assert.match(messages(await examine(url)), /older than this version: .* \(tokens\/001/)
    await server.query("insert into kysely_migration values ('tokens/999-later', 'now')", 'versions')
    const [newer] = problems(await examine(url))
    assert.equal(newer?.state, 'failed')
    assert.match(newer.message, /newer version of Berth.*tokens\/999-later/)
    assert.match(newer.remedy ?? '', /version of Berth that wrote it/)
  })

  it('finds a connection that is not encrypted, or to a server that is not checked', async () => {
    const url = await makeDatabase('tls')
    // Leads to this machine, but is no name of it.
    const remote = url.replace('127.0.0.1', '0.0.0.0')
    const [plain] = problems(await examine(remote))
    assert.match(plain?.message ?? '', /^The connection is not encrypted, so that the password/)
    assert.match(plain?.remedy ?? '', /ssl = on.*verify-full/)
    const [unchecked] = problems(await examine(url.replace('disable', 'require')))
    assert.match(
      unchecked?.message ?? '',
      /encrypted \(TLSv1\.\d\), but the server's certificate is not checked/,
    )
    const checked = `verify-ca&sslrootcert=${join(folder.path, 'ca.pem')}`
    const findings = await examine(url.replace('disable', checked))
    assert.deepEqual(problems(findings), [])
    assert.match(messages(findings), /certificate is checked \(verify-ca\)/)
  })

  it('finds a server that is far away, and one that is not there', async () => {
    const url = await makeDatabase('far')
    await using proxy = await startSlowProxy(server.port)
    const findings = await examine(url.replace(`:${server.port}/`, `:${proxy.port}/`))
    const far = findings.find(({ message }) => message.includes('question to it and its answer'))
    assert.equal(far?.state, 'warning')
    assert.match(far.remedy ?? '', /closer together/)
    const [gone] = problems(await examine(url.replace(`:${server.port}/`, ':1/')))
    assert.equal(gone?.state, 'failed')
    assert.match(gone.message, /cannot be reached/)
  })

  /** The URL of a new database whose owner is no superuser. */
  async function makeDatabase(name: string): Promise<string> {
    await server.query(`create database ${name} owner owner`)
    return urlOf(name)
  }

  function urlOf(name: string): string {
    return `postgres://owner:${server.password}@127.0.0.1:${server.port}/${name}?sslmode=disable`
  }

  async function migrated(url: string): Promise<void> {
    const { database } = configOf(url)
    assert.ok(database.engine === 'postgres')
    const opened = await openPostgresDatabase(database, { migrations: MIGRATION_SETS })
    await opened.close()
  }

  function configOf(url: string) {
    return loadConfig({ flags: {}, env: { BERTH_DATABASE: url }, cwd: folder.path }).config
  }

  function examine(url: string): Promise<Finding[]> {
    return checkDatabase(configOf(url))
  }
})

/** All that is not as it should be; a busy machine makes any server slow. */
function problems(findings: readonly Finding[]): Finding[] {
  const isNoise = ({ message }: Finding): boolean => message.includes('question to it and its answer')
  return findings.filter((finding) => finding.state !== 'ok' && !isNoise(finding))
}

function messages(findings: readonly Finding[]): string {
  return findings.map(({ message }) => message).join('\n')
}

async function startSlowProxy(to: number) {
  const sockets = new Set<Socket>()
  const pass = (from: Socket, into: Socket): void => {
    sockets.add(from)
    from.on('data', (bytes) => setTimeout(() => into.write(bytes), DELAY_MS))
    from.on('close', () => setTimeout(() => into.destroy(), DELAY_MS))
    from.on('error', () => {})
  }
  const proxy = createServer((client) => {
    const upstream = connect(to, '127.0.0.1')
    pass(client, upstream)
    pass(upstream, client)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    port: (proxy.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}
