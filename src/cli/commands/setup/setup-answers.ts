import { createInterface } from 'node:readline/promises'
import type { Readable } from 'node:stream'
import { OPTIONS } from '../../../config/options/options.ts'
import type { CommandContext } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import { sentence } from '../../errors/sentence.ts'
import { askText } from '../../prompts/ask.ts'

/** Longest answer, in characters: a host name has 253, a mail address 254. */
const MAX_ANSWER_LENGTH = 320
/** Most attempts at one question: whoever mistypes sees why, and an input that is no person ends. */
const MAX_ATTEMPTS = 3

/** Answers from flags, variables and the settings file; undefined ones are still needed. */
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
 * terminal nothing is read. After a wrong answer the prompt comes again. Errors: `CliError` `USAGE`, `DOMAIN_UNUSABLE`, `CANCELLED`.
 */
export async function completeAnswers({ io, warn }: CommandContext, known: KnownAnswers): Promise<Answers> {
  const isComplete = known.domain !== undefined && (known.mail !== undefined || !io.isInteractive)
  if (isComplete || known.isInputTaken) return { ...known, domain: requireDomains(known.domain) }
  if (io.isInteractive) {
    const ask = { io, warn }
    const domain =
      known.domain === undefined
        ? await askUntilUsable(ask, 'Domain of the registry', requireDomain)
        : requireDomains(known.domain)
    const mail = known.mail ?? (await askUntilUsable(ask, 'Mail address for the CA (empty: none)', readMail))
    return { domain, mail }
  }
  const [domain, mail] = await readLines(io.stdin, 2)
  return { domain: requireDomain(domain), mail: known.mail ?? readMail(mail) }
}

/** Asks until `read` accepts the answer, a bounded number of times. Errors: the last of `read`, `CliError` `CANCELLED`. */
async function askUntilUsable<T>(
  { io, warn }: Pick<CommandContext, 'io' | 'warn'>,
  question: string,
  read: (answer: string) => T,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await askText(io, question)
    try {
      if (answer.length > MAX_ANSWER_LENGTH) throw new CliError('USAGE', 'The answer is too long')
      return read(answer)
    } catch (error) {
      if (!(error instanceof CliError) || attempt === MAX_ATTEMPTS) throw error
      warn(`${sentence(error.message)} ${sentence(error.remedy)}`)
    }
  }
}

/** Host names, separated by commas. */
function requireDomains(domains: string | undefined): string {
  return (domains ?? '').split(',').map(requireDomain).join(',')
}

/** A host name alone: other forms have a remedy of their own. */
function requireDomain(domain: string | undefined): string {
  if (domain === undefined || domain === '') {
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
  if (!OPTIONS.domain.parse.safeParse(domain).success)
    throw new CliError('DOMAIN_UNUSABLE', `"${domain}" is no host name`)
  return domain
}

function unusable(domain: string, why: string): CliError {
  const name = URL.parse(domain.includes('://') ? domain : `https://${domain}`)?.hostname
  const options = name ? { remedy: `Give the name alone: ${name}` } : {}
  return new CliError('DOMAIN_UNUSABLE', `The domain "${domain.replace(/\/\/.*@/, '//')}" ${why}`, options)
}

/** A mail address; undefined for an empty answer. Errors: `CliError` `USAGE`. */
function readMail(mail: string | undefined): string | undefined {
  if (mail === undefined || mail === '') return undefined
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
