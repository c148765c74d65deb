import { AttemptThrottle, type LoginRelay } from './attempt-throttle.ts'
import { CredentialCache } from './credential-cache.ts'
import { HashQueue } from './hash-queue.ts'
import { HashVerifier } from './hash-verifier.ts'

/**
 * What all checks of passwords in one process share, whatever they are checked against: so the work under way, the
 * memory and the failures of an address are bounded once.
 */
export class LoginGuard implements AsyncDisposable {
  readonly cache: CredentialCache
  readonly throttle: AttemptThrottle
  readonly queue: HashQueue
  readonly verifier: HashVerifier

  /** @param relay Told of checks that other processes are to count, too. */
  constructor(clock: () => number, relay?: LoginRelay) {
    this.cache = new CredentialCache(clock)
    this.throttle = new AttemptThrottle(clock, relay)
    this.queue = new HashQueue()
    this.verifier = new HashVerifier()
  }

  /** Ends the thread that checks hashes, if it runs. */
  close(): Promise<void> {
    return this.verifier.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
