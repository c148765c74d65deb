import { createHmac, randomBytes } from 'node:crypto'
import { AttemptThrottle, type ThrottleNews } from '../guesses/attempt-throttle.ts'
import type { LoginPlaces } from '../guesses/login-places.ts'
import { HashVerifier } from '../passwords/hash-verifier.ts'
import { CredentialCache, type CredentialNews } from './credential-cache.ts'
import { HashQueue } from './hash-queue.ts'

/** Message about a log-in between processes that check the same accounts. */
export type LoginNews =
  | { readonly about: 'attempts'; readonly news: ThrottleNews }
  | { readonly about: 'credentials'; readonly news: CredentialNews }

/** Sends news to the other processes; checks of the same moment there do not wait for it. */
export type LoginRelay = (news: LoginNews) => void

/** Dependencies of a guard. */
interface LoginGuardOptions {
  /** Milliseconds since 1970; by default the system's. */
  readonly clock?: () => number
  /** Sends news to other processes that check passwords. */
  readonly relay?: LoginRelay | undefined
  /** The same in all these processes; by default this one's own. */
  readonly secret?: Uint8Array | undefined
  /** Addresses from which names have logged in before; by default unknown. */
  readonly places?: LoginPlaces | undefined
}

/**
 * Shared parts of all checks of passwords in one process, of accounts and of files: so the work under way, the memory
 * and the failures of an address are bounded once.
 */
export class LoginGuard implements AsyncDisposable {
  readonly cache: CredentialCache
  readonly throttle: AttemptThrottle
  readonly queue: HashQueue
  readonly verifier: HashVerifier

  constructor(options: LoginGuardOptions = {}) {
    const { clock = Date.now, relay, secret = randomBytes(32), places } = options
    this.cache = new CredentialCache({
      clock,
      // A key of its own, separate from other uses of the secret.
      secret: createHmac('sha256', secret).update('credentials').digest(),
      relay: relay && ((news) => relay({ about: 'credentials', news })),
    })
    this.throttle = new AttemptThrottle({
      clock,
      relay: relay && ((news) => relay({ about: 'attempts', news })),
      places,
    })
    this.queue = new HashQueue()
    this.verifier = new HashVerifier()
  }

  /** Counts an outcome from another process. */
  note(news: LoginNews): void {
    if (news.about === 'credentials') this.cache.note(news.news)
    else this.throttle.note(news.news)
  }

  /** Ends the thread that checks hashes, if it runs. */
  close(): Promise<void> {
    return this.verifier.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
