import { createHmac, randomBytes } from 'node:crypto'
import { AttemptThrottle, type ThrottleNews } from './attempt-throttle.ts'
import { CredentialCache, type CredentialNews } from './credential-cache.ts'
import { HashQueue } from './hash-queue.ts'
import { HashVerifier } from './hash-verifier.ts'
import type { LoginPlaces } from './login-places.ts'

/** Message about a log-in between processes that check the same accounts. */
export type LoginNews =
  | { readonly about: 'attempts'; readonly news: ThrottleNews }
  | { readonly about: 'credentials'; readonly news: CredentialNews }

/** Sends news to the other processes; what they check in the same moment is not held up. */
export type LoginRelay = (news: LoginNews) => void

/** What a guard is made of. */
export interface LoginGuardOptions {
  /** Milliseconds since 1970; by default the system's. */
  readonly clock?: () => number
  /** Where other processes check passwords, too. */
  readonly relay?: LoginRelay | undefined
  /** The same in all these processes; by default this one's own. */
  readonly secret?: Uint8Array | undefined
  /** From where names have logged in before; by default nothing is known of that. */
  readonly places?: LoginPlaces | undefined
}

/**
 * What all checks of passwords in one process share, whatever they are checked against: so the work under way, the
 * memory and the failures of an address are bounded once.
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
      // Its own, whatever else the secret is for.
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

  /** Counts what another process has seen. */
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
