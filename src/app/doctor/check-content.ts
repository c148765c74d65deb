import type { Config } from '../../config/config.ts'
import { hasFacts } from '../database/lost-database.ts'
import { isUpToDate } from '../database/schema-state.ts'
import { openScrub } from '../scrub/open-scrub.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

const CHECK = 'content'
const DAY_MS = 24 * 3_600_000

/** Reports damaged content, and stored content that was not verified for long. No finding before there are facts. */
export async function checkContent(config: Config): Promise<Finding[]> {
  try {
    if (!(await hasFacts(config)) || !(await isUpToDate(config))) return []
    await using opened = await openScrub(config)
    const { pass, damages } = await opened.status()
    if (damages.count > 0) {
      const what = damages.count === 1 ? 'One blob is' : `${damages.count} blobs are`
      return [
        failed(
          CHECK,
          `${what} damaged and not served, the first since ${damages.since?.toISOString()}`,
          'Run "berth scrub list" for the images that have them, then push one of each again, or run "berth scrub --repair-from URL"',
        ),
      ]
    }
    if (!pass?.endedAt) return []
    const days = Math.floor((Date.now() - pass.endedAt.getTime()) / DAY_MS)
    if (config.scrubDays > 0 && days > 2 * config.scrubDays) {
      return [
        warning(
          CHECK,
          `The stored content was last verified ${days} days ago, and should be every ${config.scrubDays}`,
          'Let the server run, or raise scrub-rate',
        ),
      ]
    }
    return [ok(CHECK, `All stored content was verified, ${days} days ago; nothing is damaged`)]
  } catch {
    // Reported by the checks of data and database.
    return [skipped(CHECK, 'Whether stored content is damaged cannot be looked up')]
  }
}
