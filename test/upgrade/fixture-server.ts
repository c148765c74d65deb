import { join } from 'node:path'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { type StartedProcess, startProcess } from '../support/machine/start-process.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'

/** Name of the registry in all data folders: Berth's own CA signs it. */
export const DOMAIN = 'registry.test'

/** `berth serve` of any version, on a data folder. */
interface FixtureServer {
  readonly port: number
  readonly process: StartedProcess
}

/** Starts a program on a data folder, as a front door with certificates of the folder's own CA. */
export async function startOn(
  berth: string,
  folder: string,
  env: NodeJS.ProcessEnv = {},
): Promise<FixtureServer> {
  const [port, plainPort] = [await findFreePort(), await findFreePort()]
  const listen = ['--listen-https', `127.0.0.1:${port}`, '--listen-http', `127.0.0.1:${plainPort}`]
  const flags = ['--domain', DOMAIN, '--docker-host', 'off', ...listen]
  const process = await startProcess(berth, {
    args: ['serve', '--data', join(folder, 'data'), ...flags],
    logFile: join(folder, 'berth.log'),
    env: { ...cleanEnvironment(), ...env },
    isReady: () => isListening(port),
  })
  return { port, process }
}
