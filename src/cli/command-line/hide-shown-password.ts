import { MASK } from '../../config/database.ts'

/** User and password of a database's URL. A password may hold unencoded characters, so it ends at the last @. */
const CREDENTIALS = /(postgres(?:ql)?:\/\/[^:@/]*)(?::.*)?@/i

/** A word of a command line without the password of a `postgres://` URL in it. */
export function withoutPassword(word: string): string {
  return word.replace(CREDENTIALS, '$1@')
}

/**
 * Hides a password of `--database` in the system's view of the process (`ps`, `/proc/PID/cmdline`). Until then, and in
 * the shell that started it, the password could be read.
 */
export function hideShownPassword(process: { title: string; argv: string[]; execArgv: string[] }): void {
  const words = [...process.argv.slice(0, 1), ...process.execArgv, ...process.argv.slice(1)]
  const shown = words.map((word) => word.replace(CREDENTIALS, (_all, user) => `${user}:${MASK}@`))
  const hasPassword = words.some((word) => withoutPassword(word) !== word)
  if (hasPassword) process.title = shown.join(' ')
}
