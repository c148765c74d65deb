import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isListening } from '../machine/free-port.ts'
import { runOk } from '../machine/run-command.ts'
import { basicLogin } from '../requests/basic-login.ts'
import { RawClient } from '../requests/raw-request.ts'
import { assertNoSecrets, noteSecret } from './secret-canary.ts'

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))
/** Longest start before it counts as failed, in ms. */
const START_TIMEOUT_MS = 120_000
/** Longest stop, in ms: twice the longest drain, with the extra time of workers. */
const STOP_TIMEOUT_MS = 90_000
/** Pause between two looks whether it listens, in ms. */
const POLL_MS = 4

/** Searched bytes of each log: the crash test writes one over hundreds of starts. */
const searchedLogs = new Map<string, number>()

/** One server that a test starts, kills and starts again on the same data. */
export interface BerthSite {
  readonly dataDir: string
  readonly port: number
  readonly logFile: string
  /** URL of a PostgreSQL database; SQLite by default. */
  readonly databaseUrl?: string | undefined
  /** Further flags of `berth serve`. */
  readonly flags?: readonly string[]
  /** Further variables of the environment. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Descriptors the process may have open at once; by default the machine's limit. */
  readonly maxOpenFiles?: number | undefined
}

/** A server process, run by Node itself without the launcher, so that its pid is the server's. */
export class BerthProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #site: BerthSite
  readonly #startedAt = performance.now()

  private constructor(child: ChildProcess, site: BerthSite) {
    this.#child = child
    this.#site = site
  }

  /** Starts a process and does not wait for it. */
  static spawn(site: BerthSite): BerthProcess {
    const log = openSync(site.logFile, 'a')
    const serve = ['serve', '--data', site.dataDir, '--listen-http', `127.0.0.1:${site.port}`]
    const [file, args] = limited([process.execPath, MAIN, ...serve, ...(site.flags ?? [])], site.maxOpenFiles)
    const child = spawn(file, args, {
      env: processEnvironment(site),
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    return new BerthProcess(child, site)
  }

  /** Starts a process and waits until it accepts connections. */
  static async start(site: BerthSite): Promise<BerthProcess> {
    const server = BerthProcess.spawn(site)
    await server.ready()
    return server
  }

  get port(): number {
    return this.#site.port
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Waits until connections are accepted. @returns the milliseconds since the start. */
  async ready(): Promise<number> {
    while (!(await isListening(this.#site.port).catch(() => false))) {
      if (this.hasEnded || performance.now() - this.#startedAt > START_TIMEOUT_MS) {
        await this.kill()
        throw new Error(`berth did not start\n${(await readFile(this.#site.logFile, 'utf8')).slice(-4000)}`)
      }
      await sleep(POLL_MS)
    }
    return performance.now() - this.#startedAt
  }

  /** Its log so far. */
  readLog(): Promise<string> {
    return readFile(this.#site.logFile, 'utf8')
  }

  /** Ends it as a power switch would, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.hasEnded) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }

  /** Sends SIGTERM and does not wait. */
  signalStop(): void {
    this.#child.kill('SIGTERM')
  }

  /** Waits for the end. @returns the exit code, undefined if a signal ended it. Errors: it did not end in time. */
  async ended(): Promise<number | undefined> {
    if (!this.hasEnded) await once(this.#child, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    return this.#child.exitCode ?? undefined
  }

  /** Sends SIGTERM and waits for the end. @returns the exit code. */
  stop(): Promise<number | undefined> {
    this.signalStop()
    return this.ended()
  }

  /** Ends it; fails if the log of its site holds a secret. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    const { logFile } = this.#site
    const log = await readFile(logFile)
    assertNoSecrets(String(log.subarray(searchedLogs.get(logFile))))
    searchedLogs.set(logFile, log.length)
  }
}

/** A command that runs another with a limit of its own; the process stays the same, as the shell is replaced. */
function limited(command: readonly string[], maxOpenFiles: number | undefined): [string, string[]] {
  const [file = '', ...args] = command
  return maxOpenFiles === undefined
    ? [file, args]
    : ['/bin/sh', ['-c', `ulimit -n ${maxOpenFiles} && exec "$0" "$@"`, file, ...args]]
}

/** Adds an administrator to the data of a site, whose server does not run yet. @returns the header of its log-in. */
export async function addAdministrator(site: BerthSite, name = 'root'): Promise<string> {
  const password = randomBytes(18).toString('base64url')
  noteSecret(password)
  const args = [MAIN, 'user', 'add', name, '--new', '--admin', '--password-stdin', '--data', site.dataDir]
  await runOk(process.execPath, args, { input: password, env: processEnvironment(site) })
  return basicLogin(name, password)
}

/** Trades a log-in for a token that holds all rights to the repositories, for the longest life the server allows. */
export async function fetchToken(
  site: BerthSite,
  basic: string,
  repositories: readonly string[],
): Promise<string> {
  using client = new RawClient(site.port, { authorization: basic })
  const scopes = repositories.map((name) => `&scope=repository:${name}:pull,push,delete`)
  const { status, body } = await client.send('GET', `/token?service=berth${scopes.join('')}`)
  if (status !== 200) throw new Error(`the token endpoint answered ${status}`)
  const { token } = JSON.parse(String(body)) as { token: string }
  noteSecret(token)
  return `Bearer ${token}`
}

/**
 * The caller's environment without Berth's variables; compiled sources are kept for the next start, beside the log
 * unless all tests share them.
 */
function processEnvironment({ logFile, databaseUrl, env }: BerthSite): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:BERTH|REGISTRY|VIRTUAL)_/.test(name))
  const database = databaseUrl === undefined ? {} : { BERTH_DATABASE: databaseUrl }
  return { NODE_COMPILE_CACHE: join(logFile, '../compiled'), ...Object.fromEntries(own), ...database, ...env }
}
