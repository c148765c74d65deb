import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Environment } from '../../../config/sources/layer.ts'
import { CliError } from '../../errors/cli-error.ts'

/** Unit of the packages. */
const UNIT = 'berth.service'
/** Longest question to systemd, in milliseconds. */
const SHOW_TIMEOUT_MS = 5_000
/** Longest start of the service, in milliseconds. */
const START_TIMEOUT_MS = 60_000

/** The installed unit. */
export interface Service {
  /** Settings file that it reads. */
  readonly configFile: string
}

/** The installed unit of Berth; undefined without one, or where systemd does not run. */
export async function findService(env: Environment): Promise<Service | undefined> {
  const args = ['show', '--property=LoadState', '--property=Environment', UNIT]
  const shown = await promisify(execFile)('systemctl', args, { env, timeout: SHOW_TIMEOUT_MS }).catch(
    // No systemctl, or no systemd that answers: there is no service to start.
    () => undefined,
  )
  if (!shown?.stdout.includes('LoadState=loaded')) return undefined
  const [, configFile] = /\bBERTH_CONFIG=(\S+)/.exec(shown.stdout) ?? []
  return configFile === undefined ? undefined : { configFile }
}

/** Commands that start the service, now and at each boot; with changed settings one that runs is started anew. */
export function startCommands(isChanged: boolean): readonly (readonly string[])[] {
  return [
    ['systemctl', 'enable', UNIT],
    ['systemctl', isChanged ? 'restart' : 'start', UNIT],
  ]
}

/** Runs these commands. Errors: `CliError` `SERVICE_FAILED`. */
export async function startService(env: Environment, isChanged: boolean): Promise<void> {
  for (const [program = '', ...args] of startCommands(isChanged)) {
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
