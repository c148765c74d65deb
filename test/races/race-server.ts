import { join } from 'node:path'
import { addAdministrator, BerthProcess, type BerthSite, fetchToken } from '../support/berth-process.ts'
import { findFreePort } from '../support/free-port.ts'
import { RawClient } from '../support/raw-request.ts'
import { makeTempFolder } from '../support/temp-folder.ts'

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
