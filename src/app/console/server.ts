import { showSettings } from '../../config/show/describe.ts'
import type { ServerControl } from '../../console/server-port.ts'
import { readSiteReport } from '../door/site-report.ts'
import { readCertificates } from '../status/data-status.ts'
import { readServerStatus } from '../status/read-status.ts'
import type { ConsoleContext } from './console-context.ts'

/** The server that the API belongs to: all its processes, whichever of them answers. */
export function createServerControl({ config, background }: ConsoleContext): ServerControl {
  return {
    readStatus: () => readServerStatus(config.dataDir),
    listSites: async () => (await readSiteReport(config.dataDir)).report?.sites ?? [],
    listCertificates: () => readCertificates(config),
    // A worker serves alone, as far as its own settings say: the status has their number.
    listSettings: () => showSettings(config).filter(({ name }) => name !== 'workers'),
    stopping: background.stopping,
  }
}
