import { withoutPassword } from './hide-shown-password.ts'
import { quoteWord } from './openssl-line.ts'

/** Flags that set the place where a command works: a command in a remedy has to repeat them. */
const PLACE_FLAGS = ['data', 'database', 'database-password-file', 'config', 'certs'] as const

const PLACE_FLAG = new RegExp(`^--(${PLACE_FLAGS.join('|')})(?:=(.*))?$`)

/** Commands that take `--certs`. */
const TAKES_CERTS = /^berth (?:serve|doctor|config|cert (?:install|list|check|self-signed))\b/

/**
 * Repeats the folders that were given to a command in the commands of Berth that a text names between double quotes, so
 * that they work on the same ones: `"berth cert list"` becomes `"berth cert list --data /srv/berth"`.
 */
export function repeatPlace(text: string, flags: Readonly<Record<string, unknown>>): string {
  return text.replace(
    /"(berth (?:serve|setup|doctor|selftest|status|user|repo|tag|manifest|trash|policy|retention|quota|du|gc|adopt|leave|backup|restore|scrub|read-only|migrate|site|cert)\b[^"]*)"/g,
    (_all, own: string) => {
      if (/ --help\b/.test(own)) return `"${own}"`
      const more = PLACE_FLAGS.filter(
        (name) =>
          typeof flags[name] === 'string' &&
          !own.includes(` --${name}`) &&
          (name !== 'certs' || TAKES_CERTS.test(own)),
      )
      return `"${[own, ...more.map((name) => `--${name} ${quoteWord(withoutPassword(String(flags[name])))}`)].join(' ')}"`
    },
  )
}

/** The same flags in a command line that may not be parseable. */
export function parsePlaceFlags(argv: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [index, word] of argv.entries()) {
    const [, name, value = argv[index + 1]] = PLACE_FLAG.exec(word) ?? []
    if (name !== undefined && value !== undefined) found[name] = value
  }
  return found
}
