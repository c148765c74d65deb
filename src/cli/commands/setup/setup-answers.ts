import { createInterface } from 'node:readline/promises'
import type { Readable } from 'node:stream'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { askText } from '../../prompts/ask.ts'

/** Longest answer, in characters: a host name has 253, a mail address 254. */
const MAX_ANSWER_LENGTH = 320

/** Answers from flags and the settings file; undefined ones are still needed. */
interface KnownAnswers {
  readonly domain: string | undefined
  readonly mail: string | undefined
  /** True if standard input holds the password, and no answers. */
  readonly isInputTaken: boolean
}

/** Answers of the operator; no mail: the account at the CA has none. */
interface Answers {
  readonly domain: string
  readonly mail: string | undefined
}

/**
 * Domain and mail: typed at the prompts of a terminal, else read as the lines of standard input. With a known domain and no
 * terminal nothing is read. Errors: `CliError` `USAGE`, `DOMAIN_UNUSABLE`, `CANCELLED`.
 */
export async function completeAnswers(io: Io, known: KnownAnswers): Promise<Answers> {
  const isComplete = known.domain !== undefined && (known.mail !== undefined || !io.isInteractive)
  if (isComplete || known.isInputTaken) return { ...known, domain: requireDomain(known.domain) }
  if (io.isInteractive) {
    const domain = requireDomain(known.domain ?? (await askText(io, 'Domain of the registry')))
    const mail = known.mail ?? (await askText(io, 'Mail address for the CA (empty: none)'))
    return { domain, mail: mail === '' ? undefined : requireMail(mail) }
  }
  const [domain, mail] = await readLines(io.stdin, 2)
  const answered = known.mail ?? mail
  return {
    domain: requireDomain(domain === '' ? undefined : domain),
    mail: answered ? requireMail(answered) : undefined,
  }
}

/** A host name alone: other forms have a remedy of their own. */
function requireDomain(domain: string | undefined): string {
  if (domain === undefined) {
    throw new CliError('USAGE', 'The domain is missing', {
      remedy: 'Give --domain, or run it on a terminal to be asked',
    })
  }
  if (domain.includes('://')) throw unusable(domain, 'is a URL')
  if (/^\[|^[\d.]+$|:.*:/.test(domain)) {
    throw new CliError('DOMAIN_UNUSABLE', `The domain "${domain}" is an address`, {
      remedy: 'Make a DNS record that leads to it, and give its name',
    })
  }
  if (domain.includes('*')) {
    throw new CliError('DOMAIN_UNUSABLE', `The domain "${domain}" stands for many names`, {
      remedy: "Give the registry's own name, such as registry.example.com",
    })
  }
  if (/[/:@\s]/.test(domain)) throw unusable(domain, 'is more than a name')
  return domain
}

function unusable(domain: string, why: string): CliError {
  const name = URL.parse(domain.includes('://') ? domain : `https://${domain}`)?.hostname
  const options = name ? { remedy: `Give the name alone: ${name}` } : {}
  return new CliError('DOMAIN_UNUSABLE', `The domain "${domain.replace(/\/\/.*@/, '//')}" ${why}`, options)
}

function requireMail(mail: string): string {
  if (/^[^\s@,]+@[^\s@,]+$/.test(mail)) return mail
  throw new CliError('USAGE', `"${mail}" is no mail address`, {
    remedy: 'Give one such as admin@example.com, or none',
  })
}

/** The first lines of a stream, without spaces around them; fewer if it ends. */
async function readLines(input: Readable, count: number): Promise<string[]> {
  const lines: string[] = []
  using reader = createInterface({ input })
  for await (const line of reader) {
    if (line.length > MAX_ANSWER_LENGTH) throw new CliError('USAGE', 'A line of standard input is too long')
    lines.push(line.trim())
    if (lines.length === count) break
  }
  return lines
}
