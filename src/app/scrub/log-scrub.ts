import type { Logger } from 'pino'
import type { ScrubReport } from '../../upkeep/scrub/scrub-parts.ts'

/** Damages of one pass with a line each; all are counted, and "berth scrub list" has them. */
const MAX_LOGGED = 50

/** Writes the events of a pass into the log. */
export function createScrubLog(logger: Logger): ScrubReport {
  let logged = 0
  return {
    onDamage({ digest, kind, reason, foundSize }, repositories) {
      if (++logged > MAX_LOGGED) return
      logger.error(
        { digest, damage: kind, reason, found: foundSize, repositories },
        'stored content is damaged and no longer served: push an image that has it again, or run "berth scrub --repair-from URL"',
      )
    },
    onUndecided(digest) {
      if (++logged > MAX_LOGGED) return
      logger.warn(
        { digest },
        'stored content is damaged or missing, and was sent again within the last hour: run "berth scrub --now --again" in an hour',
      )
    },
    onMended: (digest, how) => logger.warn({ digest, how }, 'damaged content is whole again'),
    onFailure: (digest, err) =>
      logger.error(
        { err, digest },
        'damaged bytes could not be moved to the quarantine; they are not served',
      ),
  }
}
