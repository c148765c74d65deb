import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Config } from '../../../config/config.ts'
import type { Environment } from '../../../config/sources/layer.ts'
import { CliError } from '../../errors/cli-error.ts'

/** Units of the packages: the socket holds ports 80 and 443 while the service starts anew. */
const UNIT = 'berth.service'
const SOCKET = 'berth.socket'
const SOCKET_PORTS = { listenHttp: 80, listenHttps: 443 } as const
/** Longest question to systemd, in milliseconds. */
const SHOW_TIMEOUT_MS = 5_000
/** Longest start of the service, in milliseconds: the 900 s of its unit, and the end of the one that ran. */
const START_TIMEOUT_MS = 1_200_000

/** The installed unit. */
export interface Service {
  /** Settings file that it reads. */
  readonly configFile: string
  /** True if its socket is installed, too. */
  readonly hasSocket: boolean
}

/** The installed unit of Berth; undefined without one, or where systemd does not run. */
export async function findService(env: Environment): Promise<Service | undefined> {
  const shown = await show(env, UNIT)
  const [, configFile] = /\bBERTH_CONFIG=(\S+)/.exec(shown) ?? []
  if (!isLoaded(shown) || configFile === undefined) return undefined
  return { configFile, hasSocket: isLoaded(await show(env, SOCKET)) }
}

async function show(env: Environment, unit: string): Promise<string> {
  const args = ['show', '--property=LoadState', '--property=Environment', unit]
  try {
    return (await promisify(execFile)('systemctl', args, { env, timeout: SHOW_TIMEOUT_MS })).stdout
  } catch {
    // No systemctl, or no systemd that answers: there is no service to start.
    return ''
  }
}

function isLoaded(shown: string): boolean {
  return shown.includes('LoadState=loaded')
}

/** The service to start, and how. */
interface ServiceStart {
  readonly service: Service
  readonly config: Pick<Config, 'listenHttp' | 'listenHttps'>
  /** True: a service that runs has other settings. */
  readonly isChanged: boolean
}

/** Commands that start the service, now and at each boot; with changed settings one that runs is started anew. */
export function startCommands({ service, config, isChanged }: ServiceStart): readonly (readonly string[])[] {
  const usesSocket =
    service.hasSocket && (['listenHttp', 'listenHttps'] as const).every((each) => isAtSocket(each, config))
  if (!usesSocket)
    return [
      ['systemctl', 'enable', UNIT],
      ['systemctl', isChanged ? 'restart' : 'start', UNIT],
    ]
  const enable = ['systemctl', 'enable', SOCKET, UNIT]
  // A service that runs without its socket holds the ports itself.
  if (isChanged) return [enable, ['systemctl', 'stop', UNIT], ['systemctl', 'start', SOCKET, UNIT]]
  return [enable, ['systemctl', 'start', UNIT]]
}

function isAtSocket(listener: keyof typeof SOCKET_PORTS, config: ServiceStart['config']): boolean {
  const address = config[listener]
  return address?.path === undefined && address?.port === SOCKET_PORTS[listener]
}

/** Runs these commands. Errors: `CliError` `SERVICE_FAILED`. */
export async function startService(env: Environment, start: ServiceStart): Promise<void> {
  for (const [program = '', ...args] of startCommands(start)) {
    try {
      await promisify(execFile)(program, args, { env, timeout: START_TIMEOUT_MS })
    } catch (cause) {
      const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : ''
      throw new CliError('SERVICE_FAILED', `"${program} ${args.join(' ')}" failed${said && `: ${said}`}`, {
        cause,
      })
    }
  }
}
