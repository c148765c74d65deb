import { OciError } from '../../oci/errors.ts'
import type { ToPrimary } from './messages.ts'
import { WorkerReplies } from './worker-replies.ts'

/** Longest wait for the primary, in milliseconds: its sources take up to two seconds, and the other workers one. */
const SCRAPE_TIMEOUT_MS = 5_000

/** Requests the text of scrapes of the primary, which alone adds up the figures of all processes. */
export class PrimaryScrapes {
  readonly #replies = new WorkerReplies<this, { readonly text: string | undefined }>(SCRAPE_TIMEOUT_MS)
  readonly #send: (message: ToPrimary) => void

  constructor(send: (message: ToPrimary) => void) {
    this.#send = send
  }

  /** The text of a scrape; requests of the same moment share it. Errors: `OciError` `UNAVAILABLE`. */
  async request(): Promise<string> {
    const reply = await this.#replies.request(this, () => this.#send({ kind: 'scrape' }))
    if (reply?.text !== undefined) return reply.text
    throw new OciError('UNAVAILABLE', { message: 'The metrics cannot be read now', retryAfterS: 5 })
  }

  /** Takes the reply of the primary. */
  onReply(text: string | undefined): void {
    this.#replies.onReply(this, { text })
  }
}
