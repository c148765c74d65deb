import { BACKUP_HOLDS_MS, type BackupFacts } from '../../metadata/backup-facts.ts'
import { BackupError } from '../../upkeep/backup/backup-error.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'

/** Time between two renewals, in milliseconds: several may fail before the hold ends. */
const RENEW_EVERY_MS = BACKUP_HOLDS_MS / 5

/** The hold of a backup under way on the bytes of all blobs, renewed until it is disposed. */
export class BackupHold implements AsyncDisposable {
  readonly #renewals: { stop(): Promise<void> }
  #isLost = false
  #renewedAt = performance.now()

  constructor(facts: Pick<BackupFacts, 'renewBackup'>, id: string) {
    this.#renewals = runPeriodically(
      async () => {
        if (!(await facts.renewBackup(id))) this.#isLost = true
        this.#renewedAt = performance.now()
      },
      // A failed renewal is tried again; `require()` notices if none succeeds in time.
      { firstMs: RENEW_EVERY_MS, everyMs: RENEW_EVERY_MS, onError: () => {} },
    )
  }

  /** Errors: `BackupError` `BACKUP_INTERRUPTED` if bytes may have been removed since the facts were copied. */
  require(): void {
    if (!this.#isLost && performance.now() - this.#renewedAt < BACKUP_HOLDS_MS) return
    throw new BackupError(
      'BACKUP_INTERRUPTED',
      'The backup could not tell the database for ten minutes that it goes on, so that blobs may have been removed meanwhile',
      'Run it again: it goes on with what is copied',
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#renewals.stop()
  }
}
