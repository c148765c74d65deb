import { syncFiles } from './sync-files.ts'

/** Makes the files below a folder durable, in part while more of them are written. */
export class FileSync {
  readonly #folder: string
  readonly #recordFailure: () => Promise<void>
  #begun: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /**
   * `recordFailure`: called after each failure. From then on the system counts as written what may not be on the disk, and reports no
   * error for it again.
   */
  constructor(folder: string, recordFailure: () => Promise<void>) {
    this.#folder = folder
    this.#recordFailure = recordFailure
  }

  /** Begins to sync, unless that is under way. An error is that of the next {@link sync}. */
  begin(): void {
    this.#begun ??= this.#run().finally(() => {
      this.#begun = undefined
    })
  }

  /** Errors: those of `syncFiles()`, of this call or of one that was begun before. */
  async sync(): Promise<void> {
    await this.#begun
    await this.#run()
    const failure = this.#failure
    this.#failure = undefined
    if (failure) throw failure.error
  }

  async #run(): Promise<void> {
    try {
      await syncFiles(this.#folder)
    } catch (error) {
      this.#failure ??= { error }
      // Without room or on a broken disk there is no record; then the links cannot be written either.
      await this.#recordFailure().catch(() => {})
    }
  }
}
