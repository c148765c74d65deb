import type { Command } from 'commander'
import { findForbiddenRecord, readServerRecord } from '../../app/folders/server-record.ts'
import { type HealthRoute, requestHealth } from '../../client/request-health.ts'
import type { Config } from '../../config/config.ts'
import { isEveryAddress, LOOPBACK_ADDRESSES } from '../../config/listen-address.ts'
import { formatAddress } from '../../config/show/describe.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'

/** Longest wait for an answer over all listeners, in milliseconds: less than container engines wait for a health check. */
const TIMEOUT_MS = 3_000
/** A host that is no site: health is answered for any. */
const NO_SITE = 'health.invalid'

const EXAMPLES = `
Examples:
  berth health                               is it ready? for a health check, or a script
  berth health --live                        does the process answer at all?
  docker exec berth berth health

It sends one request to a listener of the server that runs on the data folder, on this machine, and waits
3 seconds at most. Exit codes: 0 healthy, 1 not, 2 if its addresses cannot be read.`

/** `berth health`. */
export function addHealthCommand(program: Command, io: Io): void {
  program
    .command('health')
    .description('Check that the server of this data folder answers and is ready.')
    .option('--live', 'only check that the process answers (/livez), not that it can serve (/readyz)')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { config, sources } = context.loadServerConfig()
      const isAddressGiven = sources['listen-http'] !== 'default' || sources['listen-https'] !== 'default'
      if (!isAddressGiven) requireRecord(config.dataDir)
      const path = context.flags.live === true ? '/livez' : '/readyz'
      const url = await findHealthy(findRoutes(config), path)
      const state = path === '/livez' ? 'live' : 'ready'
      printResult(context, { status: state, url }, `${state}: ${url}${path} answers`)
    })
}

/** Checks that the addresses of the server may be read. Errors: `CliError` `SETTINGS_FORBIDDEN`. */
function requireRecord(dataDir: string): void {
  const file = findForbiddenRecord(dataDir)
  if (file === undefined) return
  const user = process.getuid?.()
  throw new CliError(
    'SETTINGS_FORBIDDEN',
    `The user with id ${user} may not read ${file}, which has the addresses of the server`,
  )
}

/** Tries each way in turn until the server answers. Errors: `CliError` `UNHEALTHY`. @returns the URL that answered. */
async function findHealthy(routes: readonly HealthRoute[], path: string): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  // The reason that a server gives is of more use than a listener that does not answer.
  let answered: string | undefined
  let silent: string | undefined
  for (const route of routes) {
    try {
      const { status, fault } = await requestHealth(route, path, signal)
      if (fault === undefined) return route.url
      answered ??= `${route.url}${path} answers ${status}: ${fault}`
    } catch (error) {
      silent ??= `${route.url}: ${signal.aborted ? 'no answer within 3 seconds' : describe(error)}`
    }
    if (signal.aborted) break
  }
  throw new CliError('UNHEALTHY', answered ?? silent ?? 'The settings name no address to listen on')
}

function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return describe(error.errors[0])
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'no server listens there'
  return error instanceof Error ? error.message : String(error)
}

/**
 * Ways to the listeners of a server. The registry's own name over TLS comes first, because a default host may answer
 * all other names; plain HTTP next, which works before there is a certificate.
 */
function findRoutes(config: Config): HealthRoute[] {
  const { listenHttp, listenHttps, frontDoor } = config
  const recorded = readServerRecord(config.dataDir)?.record.urls ?? []
  const listeners = [
    ...(listenHttps
      ? [{ address: listenHttps, isTls: true, hostName: frontDoor?.domains[0] ?? NO_SITE }]
      : []),
    ...(listenHttp ? [{ address: listenHttp, isTls: false, hostName: NO_SITE }] : []),
  ]
  const headers = frontDoor?.proxyProtocol === 'required' ? [true, false] : [false]
  return listeners.flatMap(({ address, isTls, hostName }) =>
    targetsOf(address, portOf(recorded, isTls)).flatMap((to) =>
      headers.map((hasProxyHeader) => ({ url: urlOf(to, isTls), to, isTls, hostName, hasProxyHeader })),
    ),
  )
}

/** The port of the running server, for settings that let the system choose one. */
function portOf(urls: readonly string[], isTls: boolean): number {
  const scheme = isTls ? 'https:' : 'http:'
  return Number(urls.map((url) => URL.parse(url)).find((url) => url?.protocol === scheme)?.port ?? 0)
}

function targetsOf(address: NonNullable<Config['listenHttp']>, chosen: number): HealthRoute['to'][] {
  if (address.path !== undefined) return [address]
  const port = address.port === 0 ? chosen : address.port
  return (isEveryAddress(address.host) ? LOOPBACK_ADDRESSES : [address.host]).map((host) => ({ host, port }))
}

function urlOf(to: HealthRoute['to'], isTls: boolean): string {
  return 'path' in to ? `unix:${to.path}` : `${isTls ? 'https' : 'http'}://${formatAddress(to)}`
}
