import type { Logger } from 'pino'
import { CLEAN, redactText } from './redact.ts'

/** Longest user agent logged, in characters: Docker's has 170, the rest says nothing more. */
const MAX_AGENT_LENGTH = 200
/** Longest path logged, in characters: a legal one has at most some 500. */
const MAX_PATH_LENGTH = 1024

/** What the log says of one request, once it is over. */
export interface AccessLine {
  /** The request's id, as the client got it. */
  readonly id: string
  /** Account name; undefined: nobody. */
  readonly who: string | undefined
  readonly method: string
  /** Without the query, which may hold secrets; one that is left is cut off. */
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
  /** Code of the error that was answered. */
  readonly error: string | undefined
}

/** Writes the one line of a request, at level info. What clients choose freely is cut and stripped. */
export function logAccess(logger: Logger, line: AccessLine): void {
  if (!logger.isLevelEnabled('info')) return
  logger.info(
    {
      [CLEAN]: true,
      id: line.id,
      who: line.who,
      method: line.method,
      path: cleanPath(line.path),
      status: line.status,
      bytes: line.bytes,
      received: line.received,
      ms: Math.round(line.ms * 10) / 10,
      repository: line.repository,
      remote: line.remote,
      agent: line.agent && redactText(stripControlCharacters(line.agent.slice(0, MAX_AGENT_LENGTH))),
      error: line.error,
    },
    'request',
  )
}

/** The text without what could move a terminal's cursor, begin a new line or turn the direction of writing. */
export function stripControlCharacters(text: string): string {
  return HAS_CONTROL.test(text) ? text.replace(CONTROL, '') : text
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const HAS_CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function cleanPath(path: string): string {
  const question = path.indexOf('?')
  const withoutQuery = question < 0 ? path : path.slice(0, question)
  return stripControlCharacters(withoutQuery.slice(0, MAX_PATH_LENGTH))
}
