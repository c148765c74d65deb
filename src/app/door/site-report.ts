import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LostContainer } from '../../front-door/docker/declare/container-sites.ts'
import type { SiteStatus } from '../../front-door/sites/describe-site.ts'
import { isLocked } from '../folders/data-folder.ts'

/** Checks for the first report of a running server, and the time between them, in milliseconds. */
const START_LOOKS = 20
const LOOK_MS = 100

/** The server's report about its virtual hosts, for commands: written after each change, read by `berth site list`. */
interface SiteReport {
  /** ISO 8601. */
  readonly writtenAt: string
  /** State of the connection to Docker, a sentence. */
  readonly docker: string
  readonly sites: readonly SiteStatus[]
  /** Declarations of containers without effect; absent in the report of an older version. */
  readonly unread?: readonly LostContainer[]
}

/** A report that was found. */
interface FoundReport {
  readonly report: SiteReport | undefined
  /** True if the server that writes it runs now. */
  readonly isRunning: boolean
}

/** Writes the report into the data folder. It need not survive a crash: a new server writes it anew. */
export async function writeSiteReport(dataDir: string, report: SiteReport): Promise<void> {
  const file = reportFile(dataDir)
  await writeFile(`${file}.new`, JSON.stringify(report), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/**
 * Reads the report of the server that runs on a data folder, or ran there last. Waits for that of one that has just
 * started.
 */
export async function readSiteReport(dataDir: string): Promise<FoundReport> {
  const isRunning = isLocked(dataDir)
  for (let looks = isRunning ? START_LOOKS : 1; ; looks--) {
    const report = await readReport(reportFile(dataDir))
    if (report !== undefined || looks <= 1) return { report, isRunning }
    await sleep(LOOK_MS)
  }
}

async function readReport(file: string): Promise<SiteReport | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SiteReport
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function reportFile(dataDir: string): string {
  return join(dataDir, 'sites.json')
}
