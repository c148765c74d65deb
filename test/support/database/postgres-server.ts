import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { chmod, chown, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { PostgresTarget } from '../../../src/database/postgres/connection/postgres-target.ts'
import { findFreePort } from '../machine/free-port.ts'
import { runOk } from '../machine/run-command.ts'
import { type StartedProcess, startProcess } from '../machine/start-process.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { noteSecret } from '../program/secret-canary.ts'

/** Debian's versions, a folder each. */
const VERSIONS = '/usr/lib/postgresql'
const HOST = '127.0.0.1'
/** The superuser of the server. */
const USER = 'berth'
/** Longest wait for a connection of this file's own, in ms. */
const CONNECT_TIMEOUT_MS = 10_000
/** Longest wait for the end of the sessions of clients that are gone, and the pause between two looks, in ms. */
const SESSIONS_TIMEOUT_MS = 30_000
const SESSIONS_LOOK_MS = 5
/** Speed before safety: tests end processes, and no machine loses its power. */
const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  max_connections: '100',
  shared_buffers: "'32MB'",
  autovacuum: 'off',
}

/** Certificate and key that the server shows, as paths of PEM files. */
export interface ServerCertificate {
  readonly certFile: string
  readonly keyFile: string
}

/** Options of a server. */
interface PostgresServerOptions {
  /** Lines of postgresql.conf, beside or in place of {@link SETTINGS}. */
  readonly settings?: Readonly<Record<string, string>>
  /** Without one the server speaks no TLS. */
  readonly certificate?: ServerCertificate
  /** Of the superuser; a random one by default. */
  readonly password?: string
}

/** An empty database; disposing drops it and ends its sessions. */
export interface PostgresTestDatabase extends AsyncDisposable {
  readonly name: string
  readonly url: string
  readonly target: PostgresTarget
}

/** Reason to skip tests that need PostgreSQL; false: none. Errors: it is missing in CI. */
export function postgresSkipReason(): string | false {
  // As `npm run ok` does: servers take longer to start than all other unit tests together.
  if (process.env.BERTH_TEST_ENGINES === 'sqlite') return 'BERTH_TEST_ENGINES leaves PostgreSQL out'
  if (findPrograms() !== undefined) return false
  if (process.env.CI === 'true') throw new Error(MISSING)
  return MISSING
}

const MISSING = 'postgresql is not installed (.ci/install-parts installs it)'

/**
 * Starts a server with an empty data folder on a free port of loopback; disposing ends it and removes the folder.
 * Errors: PostgreSQL is not installed, or does not start; the message holds its log.
 */
export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const programs = findPrograms()
  if (programs === undefined) throw new Error(MISSING)
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('postgres'))
  const place = { programs, folder: folder.path, port: await findFreePort(), owner: await findServerOwner() }
  const password = options.password ?? randomBytes(12).toString('hex')
  noteSecret(password)
  await makeDataFolder(place, password)
  await writeSettings(place, options)
  const server = resources.use(new PostgresServer(place, password))
  await server.start()
  const kept = resources.move()
  server.onDispose(() => kept.disposeAsync())
  return server
}

/** A PostgreSQL server that a test started. */
export class PostgresServer implements AsyncDisposable {
  readonly password: string
  readonly user: string = USER
  readonly #place: Place
  #process: StartedProcess | undefined
  #databases = 0
  #dispose: () => Promise<void> = () => this.stop()

  constructor(place: Place, password: string) {
    this.#place = place
    this.password = password
  }

  get port(): number {
    return this.#place.port
  }

  url(database = 'postgres'): string {
    return `postgres://${USER}:${this.password}@${HOST}:${this.port}/${database}`
  }

  /** A database as its adapter takes it, over TCP without TLS. */
  target(database = 'postgres'): PostgresTarget {
    const { port, user, password } = this
    return { host: HOST, port, user, password, name: database, tls: 'disable' }
  }

  /** `template`: a database that it begins as a copy of, and to which nobody is connected. */
  async createDatabase(template = 'template1'): Promise<PostgresTestDatabase> {
    const name = `test_${++this.#databases}`
    await this.query(`create database ${name} template ${template}`)
    return {
      name,
      url: this.url(name),
      target: this.target(name),
      [Symbol.asyncDispose]: async () => {
        await this.query(`drop database ${name} with (force)`)
      },
    }
  }

  /** Runs one statement as the superuser, on a connection of its own. */
  async query<R extends pg.QueryResultRow>(statement: string, database = 'postgres'): Promise<R[]> {
    const client = new pg.Client({
      connectionString: this.url(database),
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    })
    await client.connect()
    try {
      return (await client.query<R>(statement)).rows
    } finally {
      await client.end()
    }
  }

  /**
   * Waits until no session but its own is left. The server carries out what a killed client sent last, a commit perhaps,
   * and only then finds that it is gone: until then, two reads may differ. Errors: sessions are left after
   * {@link SESSIONS_TIMEOUT_MS}.
   */
  async untilUnused(): Promise<void> {
    const endMs = performance.now() + SESSIONS_TIMEOUT_MS
    const sessions = `select count(*)::int as count from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`
    while ((await this.query<{ count: number }>(sessions))[0]?.count !== 0) {
      if (performance.now() > endMs) throw new Error('sessions of killed clients are left')
      await sleep(SESSIONS_LOOK_MS)
    }
  }

  async start(): Promise<void> {
    const { programs, folder, owner } = this.#place
    // It ends with the test's process, however that ends.
    this.#process = await startProcess('setpriv', {
      args: [
        '--pdeathsig=QUIT',
        ...asServerOwner(owner),
        join(programs, 'postgres'),
        '-D',
        join(folder, 'data'),
      ],
      logFile: join(folder, 'postgres.log'),
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
      isReady: async () => (await this.query('select 1')).length === 1,
    })
  }

  /** Ends all sessions and then the server, as an operator does. */
  stop(): Promise<void> {
    return this.#end('SIGINT')
  }

  /** Ends server and sessions at once: the next start recovers from the log, as after a crash. */
  kill(): Promise<void> {
    return this.#end('SIGQUIT')
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Called instead of {@link stop} when the server is disposed of. */
  onDispose(dispose: () => Promise<void>): void {
    this.#dispose = dispose
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispose = this.#dispose
    this.#dispose = () => this.stop()
    await dispose()
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const ending = this.#process
    if (ending === undefined) return
    this.#process = undefined
    process.kill(ending.pid, signal)
    await ending.stop()
  }
}

/** Programs, data folder and port of a server; `owner` of its files is undefined if it runs as the user of the tests. */
interface Place {
  readonly programs: string
  readonly folder: string
  readonly port: number
  readonly owner: ServerOwner | undefined
}

/** Folder of the newest version's programs; undefined if there is none. */
function findPrograms(): string | undefined {
  const versions = readVersions().toSorted((a, b) => b - a)
  return versions[0] === undefined ? undefined : join(VERSIONS, String(versions[0]), 'bin')
}

function readVersions(): number[] {
  try {
    return readdirSync(VERSIONS).map(Number).filter(Number.isInteger)
  } catch {
    return []
  }
}

/** A user of the system. */
interface ServerOwner {
  readonly uid: number
  readonly gid: number
}

/** The user that a server of Debian's packages runs as, since it refuses to be root; undefined if the tests are not root. */
export async function findServerOwner(): Promise<ServerOwner | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => runOk('id', [flag, 'postgres'])))
  return { uid: Number(uid), gid: Number(gid) }
}

/** Flags of `setpriv` that run a command as the owner. */
export function asServerOwner(owner: ServerOwner | undefined): string[] {
  return owner ? [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--init-groups'] : []
}

async function makeDataFolder({ programs, folder, owner }: Place, password: string): Promise<void> {
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  await chmod(folder, 0o755)
  await mkdir(data, { mode: 0o700 })
  await writeFile(passwordFile, password, { mode: 0o600 })
  for (const path of owner ? [data, passwordFile] : []) await chown(path, owner?.uid ?? 0, owner?.gid ?? 0)
  const flags = ['-A', 'scram-sha-256', '-U', USER, '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']
  const command = [join(programs, 'initdb'), '-D', data, `--pwfile=${passwordFile}`, ...flags]
  await runOk('setpriv', [...asServerOwner(owner), ...command])
}

async function writeSettings(
  { folder, port, owner }: Place,
  { settings = {}, certificate }: PostgresServerOptions,
): Promise<void> {
  const data = join(folder, 'data')
  const tls = certificate ? { ssl: 'on', ssl_cert_file: "'server.crt'", ssl_key_file: "'server.key'" } : {}
  const all = {
    listen_addresses: `'${HOST}'`,
    port: String(port),
    unix_socket_directories: `'${data}'`,
    ...SETTINGS,
    ...tls,
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`)
  await writeFile(join(data, 'postgresql.auto.conf'), lines.join(''))
  const files = certificate ? { 'server.crt': certificate.certFile, 'server.key': certificate.keyFile } : {}
  for (const [name, source] of Object.entries(files)) {
    const file = join(data, name)
    await copyFile(source, file)
    await chmod(file, 0o600)
    if (owner) await chown(file, owner.uid, owner.gid)
  }
}
