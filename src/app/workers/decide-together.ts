import type { RateLimits } from '../../front-door/judge/rate-limits.ts'
import type { LimitVerdict } from '../../front-door/sites/ports.ts'
import { OciError } from '../../oci/errors.ts'
import type { UploadLocks } from '../../registry/push/upload-locks.ts'
import type { Question, Reply } from './messages.ts'

/** Decisions that the workers of one server share: the turns of upload sessions, and the zones of vhost files. */
interface Together {
  readonly uploads: UploadLocks
  readonly limits: RateLimits
}

/** Answers the questions of one worker, and releases its grants when it ends, however it ends. */
export class WorkerGrants {
  readonly #together: Together
  readonly #releases = new Map<number, () => void>()

  constructor(together: Together) {
    this.#together = together
  }

  answer(id: number, question: Question): Reply {
    return question.kind === 'upload'
      ? this.#takeUpload(id, question)
      : this.#enterLimits(id, this.#together.limits.enter(question.request))
  }

  release(id: number): void {
    this.#releases.get(id)?.()
    this.#releases.delete(id)
  }

  releaseAll(): void {
    for (const id of this.#releases.keys()) this.release(id)
  }

  #takeUpload(id: number, { upload }: Extract<Question, { kind: 'upload' }>): Reply {
    try {
      const turn = this.#together.uploads.take(upload)
      this.#releases.set(id, () => void turn[Symbol.asyncDispose]())
      return { kind: 'granted', waitMs: 0 }
    } catch (error) {
      if (!(error instanceof OciError)) throw error
      return { kind: 'refused', status: 0, zone: '' }
    }
  }

  #enterLimits(id: number, verdict: LimitVerdict): Reply {
    if (verdict.kind === 'refuse') return { kind: 'refused', status: verdict.status, zone: verdict.zone }
    this.#releases.set(id, verdict.release)
    return { kind: 'granted', waitMs: verdict.kind === 'wait' ? verdict.ms : 0 }
  }
}
