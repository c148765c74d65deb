import { hasDatabase } from '../lost-database.ts'
import { inWords, serversElsewhere } from '../require-data.ts'
import { type Finding, warning } from './finding.ts'

/** Whether the data folder is the wrong one: it holds nothing, and a server runs on another. Nothing is said otherwise. */
export async function checkData(dataDir: string): Promise<Finding[]> {
  if (hasDatabase(dataDir)) return []
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
