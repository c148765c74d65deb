import type { PassFacts, PassProgress } from '../../metadata/pass-facts.ts'
import type { ScrubItem } from '../../metadata/scrub-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import { Pace, type PaceLimits } from '../collect/pace.ts'
import { checkContent } from './check-content.ts'
import type { CheckResult, ScrubParts } from './scrub-parts.ts'

/** Content listed at once. */
const PAGE = 200
/** Time between two notes of the position, in milliseconds: a pass that is killed repeats that much. */
const NOTE_EVERY_MS = 10_000
/** Content in turn that cannot be read, after which the pass ends: the medium as a whole is at fault, not each blob. */
const MAX_UNREADABLE_IN_TURN = 20

/** Dependencies of a pass, which its caller has taken. */
export interface ScrubPassParts extends ScrubParts {
  readonly passes: Pick<PassFacts, 'note' | 'leave'>
  readonly holder: string
  readonly pace: PaceLimits
  /** Called after each content, and now and then while a large one is read. */
  readonly onProgress?: ((progress: PassProgress) => void) | undefined
  /** Called before each page; false ends the pass for now. */
  readonly mayGoOn?: (() => Promise<boolean>) | undefined
  readonly signal?: AbortSignal | undefined
  /** Time between two notes of the position, in milliseconds; by default {@link NOTE_EVERY_MS}. */
  readonly noteEveryMs?: number
}

/** The end of a pass, or of a part of it. */
export type ScrubEnd = 'ended' | 'interrupted' | 'taken-over'

/**
 * Verifies all content from the position of a pass on. A new one begins with what is in quarantine, whose bytes may be
 * back. Leaves the pass at the position that it has reached, also if it fails.
 * Errors: the reason of the signal; those of the store and the facts.
 */
export async function scrub(
  parts: ScrubPassParts,
  from: PassProgress,
): Promise<PassProgress & { readonly end: ScrubEnd }> {
  const pass = new ScrubPass(parts, from)
  let isEnded = false
  try {
    isEnded = await pass.run()
  } catch (error) {
    if (!(error instanceof TakenOver)) throw error
    return { ...pass.progress, end: 'taken-over' }
  } finally {
    await parts.passes.leave('scrub', parts.holder, { ...pass.progress, isEnded })
  }
  return { ...pass.progress, end: isEnded ? 'ended' : 'interrupted' }
}

/** Thrown to end a pass that another process has taken over. */
class TakenOver extends Error {}

class ScrubPass {
  readonly #parts: ScrubPassParts
  readonly #pace: Pace
  progress: PassProgress
  #notedAt = performance.now()
  #unreadableInTurn = 0

  constructor(parts: ScrubPassParts, from: PassProgress) {
    this.#parts = parts
    this.#pace = new Pace(parts.pace)
    this.progress = from
  }

  /** True: all content is verified. */
  async run(): Promise<boolean> {
    const { facts } = this.#parts
    if (this.progress.position === undefined && !(await this.#checkQuarantined())) return false
    for (;;) {
      if (!(await this.#mayGoOn())) return false
      const page = await facts.listContent({ after: this.progress.position, limit: PAGE })
      for (const item of page) {
        await this.#check(item)
        this.#count({ position: item.digest, checked: this.progress.checked + 1 })
        await this.#noteIfDue()
      }
      if (page.length < PAGE) return true
    }
  }

  /** Looks at what is in quarantine: its bytes may be back, or were not moved away yet. */
  async #checkQuarantined(): Promise<boolean> {
    const { facts } = this.#parts
    let after: Digest | undefined
    for (;;) {
      if (!(await this.#mayGoOn())) return false
      const page = await facts.listContent({ after, limit: PAGE, isQuarantined: true })
      for (const item of page) {
        after = item.digest
        const result = await this.#verify(item)
        if (result === 'mended') this.#count({ repaired: this.progress.repaired + 1 })
        await this.#noteIfDue()
      }
      if (page.length < PAGE) return true
    }
  }

  async #check(item: ScrubItem): Promise<void> {
    // Bytes that no fact names yet are removed by collection.
    if (item.size < 0) return
    // Looked at when the pass began.
    if (item.isQuarantined) return this.#count({ found: this.progress.found + 1 })
    const result = await this.#verify(item)
    // Not whole, though a push may store it in a moment: it is no content that was verified.
    const isBad = result === 'damaged' || result === 'unreadable' || result === 'busy'
    if (isBad) this.#count({ found: this.progress.found + 1 })
    if (result === 'mended') {
      this.#count({ found: this.progress.found + 1, repaired: this.progress.repaired + 1 })
    }
  }

  async #verify(item: ScrubItem): Promise<CheckResult> {
    const { signal } = this.#parts
    await this.#pace.rest(signal)
    this.#pace.count()
    const result = await checkContent(item, this.#parts, async (bytes) => {
      this.#count({ bytes: this.progress.bytes + bytes })
      this.#pace.count(bytes)
      await this.#noteIfDue()
      await this.#pace.rest(signal)
    })
    this.#unreadableInTurn = result === 'unreadable' ? this.#unreadableInTurn + 1 : 0
    if (this.#unreadableInTurn >= MAX_UNREADABLE_IN_TURN) {
      throw new Error(
        `${MAX_UNREADABLE_IN_TURN} blobs in turn cannot be read: the disk as a whole seems to be at fault`,
      )
    }
    return result
  }

  #count(change: Partial<PassProgress>): void {
    this.progress = { ...this.progress, ...change }
    this.#parts.onProgress?.(this.progress)
  }

  async #noteIfDue(): Promise<void> {
    const { passes, holder, noteEveryMs = NOTE_EVERY_MS } = this.#parts
    if (performance.now() - this.#notedAt < noteEveryMs) return
    if (!(await passes.note('scrub', holder, this.progress))) throw new TakenOver('taken over')
    this.#notedAt = performance.now()
  }

  async #mayGoOn(): Promise<boolean> {
    this.#parts.signal?.throwIfAborted()
    return (await this.#parts.mayGoOn?.()) ?? true
  }
}
