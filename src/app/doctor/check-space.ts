import { statfs } from 'node:fs/promises'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import type { MetadataSchema } from '../../metadata/schema.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { findFloorBytes } from '../folders/disk-floor.ts'
import { type Finding, warning } from './finding.ts'

const CHECK = 'disk'
/** Repositories that are named. */
const LARGEST = 5

/** Names what takes up space, and what can be freed, once a disk of the blobs is below twice what uploads leave free. */
export async function checkSpace(config: Config, database: Database<MetadataSchema>): Promise<Finding[]> {
  if (!(await isLow(config))) return []
  const sizes = createSizeFacts(database)
  const largest = await sizes.rankRepositories({ order: 'size', limit: LARGEST })
  const { untaggedBytes, unnamedBytes, trashBytes } = await sizes.sizeScope('all')
  const freed = untaggedBytes + unnamedBytes + trashBytes + (await sizes.findDueBytes())
  const names = largest.map(({ name, bytes }) => `${name} (${toGib(bytes)})`).join(', ')
  return [
    warning(
      CHECK,
      `The disk of the blobs is soon full. "berth trash empty" and "berth gc --now" free up to ${toGib(freed)}; the largest repositories: ${names === '' ? 'none' : names}`,
      'Run both, after which nothing can be restored; see "berth du", and delete what is not needed',
    ),
  ]
}

async function isLow(config: Config): Promise<boolean> {
  for (const folder of createBlobPlace(config).folders) {
    const stats = await statfs(folder).catch(() => undefined)
    if (!stats) continue
    const floor = findFloorBytes(config, stats.blocks * stats.bsize)
    if (stats.bavail * stats.bsize < 2 * floor) return true
  }
  return false
}

function toGib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`
}
