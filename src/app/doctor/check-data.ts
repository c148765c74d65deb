import type { Config } from '../../config/config.ts'
import { findLostDatabase, hasDatabase } from '../lost-database.ts'
import { inWords, serversElsewhere } from '../require-data.ts'
import { type Finding, failed, warning } from './finding.ts'

/** Whether the database is lost, or the data folder is the wrong one: it holds nothing, and a server runs on another. */
export async function checkData(config: Config): Promise<Finding[]> {
  const { dataDir } = config
  if (hasDatabase(dataDir)) return []
  const lost = await findLostDatabase(config)
  if (lost) return [failed('data', lost.message, lost.remedy)]
  const servers = await serversElsewhere(dataDir)
  if (servers.length === 0) return []
  return [
    warning(
      'data',
      `${dataDir} holds no data of Berth, but ${inWords(servers)}`,
      'If you mean that one, name its folder with --data or BERTH_DATA',
    ),
  ]
}
