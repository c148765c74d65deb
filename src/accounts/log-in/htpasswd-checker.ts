import { hash } from 'node:crypto'
import { AccountError } from '../accounts.ts'
import { HtpasswdFile, type HtpasswdStatus } from '../htpasswd/htpasswd-file.ts'
import { type KnownAccount, lineToAccount } from '../users/account-lookup.ts'
import { PasswordAuthenticator } from './authenticator.ts'
import { LoginGuard } from './login-guard.ts'
import { checkLine } from './password-check.ts'

/** Files kept in memory, one for each virtual host or path; the least recently used one goes first. */
const MAX_FILES = 1_024

/** Result of a check of a password. */
type HtpasswdVerdict =
  | { readonly kind: 'right' }
  | { readonly kind: 'wrong' }
  /** There is no such file. */
  | { readonly kind: 'no-file' }
  /** It cannot be read, or is no htpasswd file; `reason` is for the operator, and names neither path nor content. */
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** Too many passwords are being checked, or this name or address failed too often of late; nothing was checked. */
  | { readonly kind: 'busy'; readonly retryAfterS: number }

/** Dependencies of a checker. */
interface HtpasswdCheckerOptions {
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** Allows DES crypt and {PLAIN}; by default such entries cannot log in. */
  readonly weakHashes?: boolean
  /** Called for each file that was read, and for each new problem with one. */
  readonly onChange?: (status: HtpasswdStatus, file: string) => void
  /** Shared with other checks of passwords, and closed by its owner; by default one of its own. */
  readonly guard?: LoginGuard
}

/** Checks passwords against htpasswd files that are named with each check. */
interface HtpasswdChecker extends AsyncDisposable {
  /**
   * Checks a password. The file is opened at its first use, and a change of it counts within a second. A wrong name
   * costs as much time as a wrong password; verified credentials are remembered for a short time, until their line
   * changes. Failures count for the name in this file, and for the address in all.
   */
  check(file: string, user: string, password: string, remoteAddress: string): Promise<HtpasswdVerdict>
  /** Ends the thread that checks hashes, if it runs and is not shared. */
  close(): Promise<void>
}

/** Makes a checker. Reads nothing yet. */
export function createHtpasswdChecker(options: HtpasswdCheckerOptions = {}): HtpasswdChecker {
  const {
    clock = Date.now,
    weakHashes = false,
    onChange = () => {},
    guard = new LoginGuard({ clock }),
  } = options
  const files = new Map<string, OpenFile>()
  const openFile = (path: string): OpenFile => {
    const known = files.get(path)
    if (known) files.delete(path)
    const file =
      known ??
      createOpenFile(
        new HtpasswdFile({
          path,
          clock,
          weakHashes,
          isLive: true,
          onChange: (status) => onChange(status, path),
        }),
        { scope: hash('sha256', path, 'base64'), guard },
      )
    files.set(path, file)
    if (files.size > MAX_FILES) removeFirst(files)
    return file
  }
  const close = async (): Promise<void> => {
    if (options.guard === undefined) await guard.close()
  }
  return {
    check: (path, user, password, remoteAddress) => openFile(path)(user, password, remoteAddress),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Checks a password against one file. */
type OpenFile = (user: string, password: string, remoteAddress: string) => Promise<HtpasswdVerdict>

function createOpenFile(file: HtpasswdFile, parts: { scope: string; guard: LoginGuard }): OpenFile {
  const { scope, guard } = parts
  const authenticator = new PasswordAuthenticator({
    scope,
    find: async (name) => findLine(file, name),
    check: async ({ known, password }) => {
      const { costliest } = await file.current()
      const isRight = await checkLine(known?.line, password, { verifier: guard.verifier, costliest })
      return isRight ? known?.account : undefined
    },
    cache: guard.cache,
    throttle: guard.throttle,
    queue: guard.queue,
  })
  return async (user, password, remoteAddress) => {
    const failure = await findFailure(file)
    if (failure) return failure
    try {
      const account = await authenticator.verifyPassword(user, password, remoteAddress)
      return account ? RIGHT : WRONG
    } catch (error) {
      if (!(error instanceof AccountError) || error.retryAfterS === undefined) throw error
      return { kind: 'busy', retryAfterS: error.retryAfterS }
    }
  }
}

const RIGHT: HtpasswdVerdict = { kind: 'right' }
const WRONG: HtpasswdVerdict = { kind: 'wrong' }

async function findLine(file: HtpasswdFile, name: string): Promise<KnownAccount | undefined> {
  const { accounts } = await file.current()
  const line = accounts.get(name)
  return line && { account: lineToAccount(line, false), line }
}

async function findFailure(file: HtpasswdFile): Promise<HtpasswdVerdict | undefined> {
  await file.current()
  if (file.failure === undefined) return undefined
  if (file.failure === 'missing') return { kind: 'no-file' }
  const { problem } = await file.status()
  return { kind: 'unreadable', reason: problem ?? 'The htpasswd file cannot be read' }
}

function removeFirst(map: Map<string, unknown>): void {
  for (const first of map.keys()) {
    map.delete(first)
    return
  }
}
