import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFreePort, isListening } from '../machine/free-port.ts'
import { runOk } from '../machine/run-command.ts'
import { startProcess } from '../machine/start-process.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { basicLogin } from '../requests/basic-login.ts'
import { assertNoSecrets, noteSecret } from './secret-canary.ts'

/** The launcher under test: the checkout's own, or another one, such as an installed package's. */
export const BERTH_BIN: string =
  process.env.TEST_BERTH ?? fileURLToPath(new URL('../../../bin/berth', import.meta.url))

/** An account to make before the start. */
interface BootUser {
  readonly name: string
  readonly isAdmin?: boolean
}

/** Options of a booted Berth. */
export interface BootOptions {
  readonly users: readonly BootUser[]
  /** Serve TLS with these files, instead of plain HTTP. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string } | undefined
  /** Address to listen on; by default 127.0.0.1. */
  readonly address?: string | undefined
  /** URL of a PostgreSQL database; SQLite by default. */
  readonly databaseUrl?: string | undefined
  /** Further variables of `berth serve`. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Further flags of `berth serve`. */
  readonly flags?: readonly string[]
}

/** A real Berth, started by its command in a process of its own. */
export interface BootedBerth extends AsyncDisposable {
  /** Scheme, address and port, such as `http://127.0.0.1:40123`. */
  readonly url: string
  /** Address and port, as image references start. */
  readonly host: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  readonly logFile: string
  /** The password made for one of the users. */
  requirePassword(name: string): string
  /** The `Authorization` header of one of the users. */
  authorization(name: string): string
  /** Runs another `berth` command on the same data. @returns its output. */
  command(args: readonly string[], input?: string): Promise<string>
  /** Stops it, checks that it ended well and that its log holds no secret and no failure, and removes its data. */
  stop(): Promise<void>
}

/** Starts Berth on a free port, with an empty data folder and users with random passwords. */
export async function bootBerth(options: BootOptions): Promise<BootedBerth> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('data'))
  const dataDir = join(folder.path, 'data')
  const command = (args: readonly string[], input?: string): Promise<string> =>
    runOk(BERTH_BIN, [...args, '--data', dataDir], { input, env: berthEnvironment(options) })
  const passwords = new Map(options.users.map(({ name }) => [name, randomBytes(18).toString('base64url')]))
  for (const password of passwords.values()) noteSecret(password)
  for (const { name, isAdmin } of options.users) {
    const flags = ['--password-stdin', ...(isAdmin ? ['--admin'] : [])]
    await command(['user', 'add', name, '--new', ...flags], passwords.get(name))
  }
  const address = options.address ?? '127.0.0.1'
  const port = await findFreePort(address)
  const host = `${address}:${port}`
  const server = await startProcess(BERTH_BIN, {
    args: ['serve', '--data', dataDir, ...listenFlags(host, options.tls), ...(options.flags ?? [])],
    logFile: join(folder.path, 'berth.log'),
    env: { ...berthEnvironment(options), ...options.env },
    isReady: () => isListening(port, address),
  })
  const requirePassword = (name: string): string => passwords.get(name) ?? assert.fail(`no user ${name}`)
  const kept = resources.move()
  const stop = async (): Promise<void> => {
    const exitCode = await server.stop()
    const log = await server.readLog()
    await kept.disposeAsync()
    assert.equal(exitCode, 0, `berth did not stop well\n${log}`)
    assert.deepEqual(log.match(/.*"status":5\d\d\b.*/g) ?? [], [], 'berth failed on a request')
    assertNoSecrets(log)
  }
  return {
    url: `${options.tls ? 'https' : 'http'}://${host}`,
    host,
    port,
    pid: server.pid,
    dataDir,
    logFile: server.logFile,
    requirePassword,
    authorization: (name) => basicLogin(name, requirePassword(name)),
    command,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function listenFlags(host: string, tls: BootOptions['tls']): string[] {
  if (!tls) return ['--listen-http', host]
  const files = ['--tls-cert', tls.certFile, '--tls-key', tls.keyFile]
  return ['--listen-http', 'off', '--listen-https', host, ...files]
}

/** The caller's environment without variables that would configure Berth or a registry. */
function berthEnvironment({ databaseUrl }: BootOptions): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:BERTH|REGISTRY|VIRTUAL)_/.test(name))
  return { ...Object.fromEntries(own), ...(databaseUrl === undefined ? {} : { BERTH_DATABASE: databaseUrl }) }
}
