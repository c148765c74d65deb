import { join } from 'node:path'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import {
  addAdministrator,
  BerthProcess,
  type BerthSite,
  fetchToken,
} from '../support/program/berth-process.ts'
import { RawClient } from '../support/requests/raw-request.ts'

/** A server with one client that may do all in the repositories named. */
export interface RaceServer extends AsyncDisposable {
  readonly site: BerthSite
  readonly process: BerthProcess
  readonly http: RawClient
  /** The header of the client's log-in. */
  readonly authorization: string
}

/** Starts a server of its own for a race. */
export async function startRaceServer(
  repositories: readonly string[],
  options: Pick<BerthSite, 'databaseUrl' | 'flags' | 'maxOpenFiles'> = {},
): Promise<RaceServer> {
  const resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('races'))
  const dataDir = join(folder.path, 'data')
  const site = { dataDir, port: await findFreePort(), logFile: join(folder.path, 'berth.log'), ...options }
  const basic = await addAdministrator(site)
  const process = resources.use(await BerthProcess.start(site))
  const authorization = await fetchToken(site, basic, repositories)
  const http = resources.use(new RawClient(site.port, { authorization }))
  return { site, process, http, authorization, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}
