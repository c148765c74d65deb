import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { findFreePort } from '../../test/support/machine/free-port.ts'
import { runOk } from '../../test/support/machine/run-command.ts'
import { startProcess } from '../../test/support/machine/start-process.ts'
import { BERTH_BIN } from '../../test/support/program/boot-berth.ts'
import { requestOk } from '../registry-request.ts'
import type { Workspace } from '../workspace.ts'
import { type BenchServer, basicHeader, registryBlobPath } from './bench-server.ts'
import { untilAnswering } from './until-answering.ts'

/** Options of starting Berth. */
export interface BerthOptions {
  readonly name: string
  /** Further accounts. */
  readonly htpasswdFile?: string
  /** Listen for plain HTTP too. */
  readonly hasHttp?: boolean
  /** URL of an empty PostgreSQL database; undefined: SQLite. */
  readonly database?: string
  /** Further flags of `berth serve`. */
  readonly flags?: readonly string[]
  /** A process for each core. */
  readonly hasWorkers?: boolean
}

/** A Berth that can be stopped and started on the same data. */
export interface BenchBerth extends BenchServer {
  readonly dataDir: string
  /** URL for plain HTTP; undefined if it does not listen for it. */
  readonly httpUrl: string | undefined
  /** Starts a stopped one again; returns the seconds from the start of the process to the first answer. */
  startAgain(): Promise<number>
}

/** The administrator that pushes and pulls. */
const ADMIN = 'bench'

/** Starts Berth by its command with an empty data folder; pushes and pulls use a bearer token of an administrator. */
export async function startBerth(workspace: Workspace, options: BerthOptions): Promise<BenchBerth> {
  const folder = await workspace.folder('berth')
  const dataDir = join(folder, 'data')
  const password = randomBytes(18).toString('base64url')
  const environment = { ...cleanEnvironment(), ...(options.database && { BERTH_DATABASE: options.database }) }
  await runOk(BERTH_BIN, ['user', 'add', ADMIN, '--new', '--admin', '--password-stdin', '--data', dataDir], {
    input: password,
    env: environment,
  })
  const [httpsPort, httpPort] = [await findFreePort(), await findFreePort()]
  const [httpsUrl, httpUrl] = [`https://127.0.0.1:${httpsPort}`, `http://127.0.0.1:${httpPort}`]
  const args = [
    ...['serve', '--data', dataDir],
    ...['--listen-http', options.hasHttp ? `127.0.0.1:${httpPort}` : 'off'],
    ...['--listen-https', `127.0.0.1:${httpsPort}`],
    ...['--tls-cert', workspace.certFile, '--tls-key', workspace.keyFile],
    ...(options.hasWorkers ? ['--workers', 'auto'] : []),
    ...(options.flags ?? []),
    ...(options.htpasswdFile ? ['--htpasswd-file', options.htpasswdFile] : []),
  ]
  const logFile = join(folder, 'output.log')
  const isReady = untilAnswering(httpsUrl)
  const start = () => startProcess(BERTH_BIN, { args, logFile, env: environment, isReady })
  let process_ = await start()
  const stop = async (): Promise<void> => {
    await process_.stop()
  }
  return {
    name: options.name,
    url: httpsUrl,
    httpUrl: options.hasHttp ? httpUrl : undefined,
    get roots() {
      return [process_.pid]
    },
    registryRoot: dataDir,
    dataDir,
    blobPath: registryBlobPath,
    authorize: (repository) =>
      fetchToken(httpsUrl, { repository, login: basicHeader({ name: ADMIN, password }) }),
    async startAgain() {
      const startMs = performance.now()
      process_ = await start()
      return (performance.now() - startMs) / 1000
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function fetchToken(
  url: string,
  { repository, login }: { repository: string; login: string },
): Promise<string> {
  const scope = encodeURIComponent(`repository:${repository}:pull,push,delete`)
  // The challenge names the service, but every token of this server is for itself.
  const { body } = await requestOk(`${url}/token?scope=${scope}`, { headers: { authorization: login } })
  const { token }: { token?: unknown } = JSON.parse(body.toString())
  if (typeof token !== 'string') throw new Error('the token endpoint answered no token')
  return `Bearer ${token}`
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(?:BERTH|REGISTRY|VIRTUAL)_/.test(name))
  return Object.fromEntries(own)
}
