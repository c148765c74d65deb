import type { LimitGate, LimitVerdict } from '../../front-door/sites/ports.ts'
import { sessionInUse, type UploadTurns } from '../../registry/push/upload-locks.ts'
import type { Question, Reply, ToPrimary } from './messages.ts'

/**
 * Requests decisions of the primary, which only one process can make. Each request waits for one, so requests bound
 * their number.
 */
export class PrimaryQuestions {
  readonly #send: (message: ToPrimary) => void
  readonly #open = new Map<number, (reply: Reply) => void>()
  #last = 0

  constructor(send: (message: ToPrimary) => void) {
    this.#send = send
  }

  /** Settles the request that a reply belongs to. */
  onReply(id: number, reply: Reply): void {
    this.#open.get(id)?.(reply)
    this.#open.delete(id)
  }

  /** One body at a time for each upload session, at any worker. */
  get uploadTurns(): UploadTurns {
    return {
      take: async (upload) => {
        const { reply, release } = await this.#request({ kind: 'upload', upload })
        if (reply.kind === 'refused') throw sessionInUse()
        // Awaited, as the client's next request may come to another worker, whose question must not come first.
        return { [Symbol.asyncDispose]: release }
      },
    }
  }

  /** The zones of vhost files, counted as by one process. */
  get limits(): LimitGate {
    return {
      enter: async (request): Promise<LimitVerdict> => {
        const { reply, release } = await this.#request({ kind: 'limits', request })
        if (reply.kind === 'refused') return { kind: 'refuse', status: reply.status, zone: reply.zone }
        return reply.waitMs > 0
          ? { kind: 'wait', ms: reply.waitMs, release: () => void release() }
          : { kind: 'pass', release: () => void release() }
      },
    }
  }

  async #request(question: Question): Promise<{ reply: Reply; release: () => Promise<void> }> {
    const id = ++this.#last
    const reply = await this.#exchange({ kind: 'question', id, question })
    const release = async (): Promise<void> => {
      await this.#exchange({ kind: 'release', id })
    }
    return { reply, release }
  }

  /** Sends a message that the primary replies to. */
  #exchange(message: Extract<ToPrimary, { kind: 'question' | 'release' }>): Promise<Reply> {
    return new Promise((resolve) => {
      this.#open.set(message.id, resolve)
      this.#send(message)
    })
  }
}
