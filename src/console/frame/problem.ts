import { AccountError } from '../../accounts/accounts.ts'
import { OCI_ERRORS, OciError, type OciErrorCode } from '../../oci/errors.ts'
import { API_ERRORS, ApiError, type ApiErrorCode, type Fault } from './api-error.ts'
import { z } from './schema.ts'

/** Codes of the frame: any route may answer with them. */
export const FRAME_ERRORS = ['UNAUTHORIZED', 'DENIED', 'TOOMANYREQUESTS', 'UNAVAILABLE', 'UNKNOWN'] as const

/** The body of every failed request (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'The code as a URI', examples: ['urn:berth:error:NAME_UNKNOWN'] }),
    title: z.string().meta({ description: 'What the code means, the same in each answer' }),
    status: z.int().meta({ examples: [404] }),
    detail: z.string().meta({ description: 'What happened in this request, for a person' }),
    code: z.string().meta({ description: 'For programs: docs/api.md lists all', examples: ['NAME_UNKNOWN'] }),
    requestId: z.string().meta({ description: 'The same as in the log of the server' }),
    faults: z
      .array(
        z.object({
          at: z
            .string()
            .meta({ description: 'JSON pointer into the body, or name of a parameter', examples: ['/name'] }),
          message: z.string(),
        }),
      )
      .optional(),
    more: z
      .unknown()
      .optional()
      .meta({ description: 'Facts about the failure; their form depends on the code' }),
  })
  .meta({ id: 'Problem' })

/** A failure as it is answered. */
interface Problem {
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** Set if this server is at fault: the error as it was thrown. */
  readonly fault: unknown
}

/** Status of a code as it stands in the tables. */
export function statusOf(code: ApiErrorCode | OciErrorCode): number {
  return code in API_ERRORS
    ? API_ERRORS[code as ApiErrorCode].status
    : OCI_ERRORS[code as OciErrorCode].status
}

/** The problem of a failure. Any error without a code is a bug: its text stays in the log. */
export function toProblem(error: unknown, requestId: string): Problem {
  const known = toKnown(error, requestId)
  const { code, status, message } = known
  const faults: readonly Fault[] = known instanceof ApiError ? known.faults : []
  const more = known instanceof OciError ? known.detail : undefined
  const title =
    code in API_ERRORS ? API_ERRORS[code as ApiErrorCode].message : OCI_ERRORS[code as OciErrorCode].message
  const body = {
    type: `urn:berth:error:${code}`,
    title,
    status,
    detail: message,
    code,
    requestId,
    ...(faults.length > 0 && { faults }),
    ...(more !== undefined && { more }),
  }
  const retryAfterS = known instanceof OciError ? known.retryAfterS : undefined
  return {
    status,
    code,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(retryAfterS !== undefined && { 'retry-after': String(retryAfterS) }),
      ...(known instanceof ApiError && known.headers),
    },
    body: Buffer.from(JSON.stringify(body)),
    fault: status >= 500 ? error : undefined,
  }
}

function toKnown(error: unknown, requestId: string): ApiError | OciError {
  if (error instanceof ApiError || error instanceof OciError) return error
  if (error instanceof AccountError) return fromAccount(error)
  return new OciError('UNKNOWN', {
    message: `Something went wrong in this registry: its log has more under the request id ${requestId}`,
    cause: error,
  })
}

const ACCOUNT_CODES = {
  NAME_INVALID: 'ACCOUNT_INVALID',
  PASSWORD_TOO_SHORT: 'ACCOUNT_INVALID',
  PASSWORD_TOO_LONG: 'ACCOUNT_INVALID',
  ALREADY_EXISTS: 'ACCOUNT_EXISTS',
  NAME_TAKEN: 'ACCOUNT_EXISTS',
  UNKNOWN_ACCOUNT: 'ACCOUNT_UNKNOWN',
  LAST_ADMIN: 'LAST_ADMIN',
  DIRECTORY_ACCOUNT: 'ACCOUNT_INVALID',
  TOKEN_UNKNOWN: 'TOKEN_UNKNOWN',
  TOO_MANY_TOKENS: 'HELD',
  ROBOT_UNKNOWN: 'ROBOT_UNKNOWN',
  TRUST_INVALID: 'ACCOUNT_INVALID',
  TRUST_UNKNOWN: 'TRUST_UNKNOWN',
} as const satisfies Partial<Record<AccountError['code'], ApiErrorCode>>

function fromAccount(error: AccountError): ApiError | OciError {
  const { code, message, retryAfterS = 1 } = error
  if (code === 'TOO_MANY_ATTEMPTS')
    return new OciError('TOOMANYREQUESTS', { message, retryAfterS, cause: error })
  if (code === 'DIRECTORY_UNREACHABLE')
    return new OciError('UNAVAILABLE', { message, retryAfterS, cause: error })
  if (code === 'TOKEN_REFUSED') return new OciError('UNAUTHORIZED', { message, cause: error })
  return new ApiError(ACCOUNT_CODES[code], { message, cause: error })
}
