import { type DestinationStream, type Logger, symbols } from 'pino'
import { REDACTED, redactText, withoutUserInfo } from './redact.ts'
import { replaceTokens } from './token-shapes.ts'

/** Longest user agent logged, in characters: Docker's has 170, and longer ones hold nothing of use. */
const MAX_AGENT_LENGTH = 200
/** User agents remembered. Few are enough: a client's user agent changes only with its version. */
const MAX_KNOWN_AGENTS = 128
/** Longest path logged, in characters: a legal one has at most some 500. */
const MAX_PATH_LENGTH = 1024

/** Log data of one finished request. */
export interface AccessLine {
  /** The request's id, as sent to the client: letters, digits, dots, underscores and dashes. */
  readonly id: string
  /** Id of its trace; undefined: it is not traced. */
  readonly trace?: string | undefined
  /** Account name; undefined: not logged in. */
  readonly who: string | undefined
  readonly method: string
  /** Path of the request. A query is cut off: it may hold secrets. */
  readonly path: string
  readonly status: number
  /** Body bytes sent. */
  readonly bytes: number
  /** Body bytes received. */
  readonly received: number
  /** From the first byte of the request to the last of the answer, in milliseconds. */
  readonly ms: number
  readonly repository: string | undefined
  /** Address of the client. */
  readonly remote: string | undefined
  readonly agent: string | undefined
  /** Code of the error in the answer. */
  readonly error: string | undefined
}

/**
 * Makes the function that writes the one line of a request, at level info. Values that clients choose freely are cut
 * and stripped.
 *
 * The line is built here, in the form of the logger's own serializer: there is one for each request, and its fields are
 * known to hold no secret.
 */
export function createAccessLog(logger: Logger): (line: AccessLine) => void {
  const destination = destinationOf(logger)
  const beginning = createBeginning()
  const agentMember = createAgentMember()
  return (line) => {
    if (!logger.isLevelEnabled('info')) return
    destination.write(
      `${beginning()}${line.id}"${member('trace', line.trace)}${member('who', line.who)},"method":${quote(line.method)}` +
        `,"path":${quote(cutPath(withoutUserInfo(pathOf(line))))},"status":${line.status},"bytes":${line.bytes}` +
        `,"received":${line.received},"ms":${Math.round(line.ms * 10) / 10}` +
        member('repository', line.repository) +
        member('remote', line.remote) +
        agentMember(line.agent) +
        (line.error === undefined ? END : `${member('error', line.error)}${END}`),
    )
  }
}

/** First status of a request that failed. */
const FIRST_ERROR_STATUS = 400
const END = ',"msg":"request"}\n'

/** Path of a request, in which a client may have put a token by mistake: such a path is none of the registry's. */
function pathOf({ path, status }: AccessLine): string {
  return status < FIRST_ERROR_STATUS ? path : replaceTokens(path, REDACTED)
}

/** Begin of each line, up to the id: the requests of one millisecond share the text. */
function createBeginning(): () => string {
  let lastMs = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== lastMs) {
      lastMs = now
      text = `{"level":"info","time":"${new Date(now).toISOString()}","id":"`
    }
    return text
  }
}

/**
 * Member of the line for the user agent. There are few user agents, and cleaning one is costly, so they are remembered.
 */
function createAgentMember(): (agent: string | undefined) => string {
  const known = new Map<string, string>()
  return (agent) => {
    if (agent === undefined) return ''
    let text = known.get(agent)
    if (text === undefined) {
      text = member('agent', redactText(stripControlCharacters(agent.slice(0, MAX_AGENT_LENGTH))))
      if (known.size >= MAX_KNOWN_AGENTS) known.clear()
      if (agent.length <= MAX_AGENT_LENGTH) known.set(agent, text)
    }
    return text
  }
}

function member(name: string, text: string | undefined): string {
  return text === undefined ? '' : `,"${name}":${quote(text)}`
}

/** Text of characters that JSON leaves unescaped. */
const PLAIN = /^[ !#-[\]-~]*$/

function quote(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(stripControlCharacters(text))
}

function destinationOf(logger: Logger): DestinationStream {
  return (logger as Logger & Record<typeof symbols.streamSym, DestinationStream>)[symbols.streamSym]
}

/**
 * The text without characters that could move a terminal's cursor, begin a new line or turn the direction of writing.
 */
export function stripControlCharacters(text: string): string {
  return HAS_CONTROL.test(text) ? text.replace(CONTROL, '') : text
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const HAS_CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function cutPath(path: string): string {
  const question = path.indexOf('?')
  return path.slice(0, question < 0 ? MAX_PATH_LENGTH : Math.min(question, MAX_PATH_LENGTH))
}
