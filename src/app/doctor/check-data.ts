import type { Config } from '../../config/config.ts'
import { DatabaseError } from '../../database/database.ts'
import { inWords, serversElsewhere } from '../data/require-data.ts'
import { formatDatabaseName } from '../database/database-place.ts'
import { findLostDatabase, hasDatabase } from '../database/lost-database.ts'
import type { AppError } from '../faults/app-error.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { type Finding, failed, warning } from './finding.ts'

/** Finds a lost database, and a wrong data folder: an empty one, while a server runs on another. */
export async function checkData(config: Config): Promise<Finding[]> {
  const { dataDir, database } = config
  if (hasDatabase(dataDir)) return judgeLeftover(config)
  const lost = await findLost(config)
  if (lost) return [failed('data', lost.message, lost.remedy)]
  if (database.engine === 'postgres') return []
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

/** A database that cannot be reached is reported where it is looked at. */
async function findLost(config: Config): Promise<AppError | undefined> {
  return findLostDatabase(config).catch((error: unknown) => {
    if (error instanceof DatabaseError) return undefined
    throw error
  })
}

/** After a move to PostgreSQL the former database is out of date from the first change on. */
function judgeLeftover({ dataDir, database }: Config): Finding[] {
  if (database.engine === 'sqlite') return []
  const file = databaseFile(dataDir)
  return [
    warning(
      'data',
      `${file} is still there, though the facts are in ${formatDatabaseName(database)}`,
      `Move it away, so that no start without the database setting serves what it held`,
    ),
  ]
}
