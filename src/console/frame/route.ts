import type { z } from 'zod'
import type { RepositoryAction } from '../../access/actions.ts'
import type { AccountPrincipal, Principal } from '../../access/principal.ts'
import type { AccessRules } from '../../access/rules.ts'
import type { OciErrorCode } from '../../oci/errors.ts'
import type { ApiErrorCode } from './api-error.ts'
import type { Parameters } from './path-parameters.ts'

/** Access to a route that concerns no one repository: `anyone`, an account, the list of repositories, or administration. */
type PlainAccess = 'anyone' | 'signed-in' | 'catalog' | 'administer'

/** The access that must be granted before a route's query and body are read. */
export type RouteAccess = PlainAccess | RepositoryAction | 'create' | 'overwrite'

/** Access that a path can have: an act on a repository needs one in the path. */
type AccessOf<P extends string> = P extends `${string}{repository}${string}` ? RouteAccess : PlainAccess

/** Methods of routes. HEAD is answered by GET, OPTIONS by the frame. */
export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
/** One of {@link METHODS}. */
export type Method = (typeof METHODS)[number]

/** A request whose access was granted, parsed. */
export interface Call<P extends string, Q, B> {
  readonly params: Parameters<P>
  readonly query: Q
  readonly body: B
  /** An anonymous one only for access by `anyone`. */
  readonly principal: Principal
  /** The rules by which access was granted. */
  readonly rules: AccessRules
  /** The entity tag of `If-Match`, without quotes; undefined: none, or any. */
  readonly ifMatch: string | undefined
  /**
   * Checks the credentials and the access again. A stream calls it before it reads anything anew, and ends at false: access may end
   * while the stream is open.
   */
  isStillAllowed(): Promise<boolean>
  /** Aborted once the client is gone. */
  readonly signal: AbortSignal
}

/** Result of a route. */
export interface Result<A> {
  /** By default that of the route. */
  readonly status?: number
  readonly body?: A
  /** Entity tag of the body, without quotes. */
  readonly etag?: string | undefined
  /** Path below the base of the API. */
  readonly location?: string
  /** In place of a body: events as they come. */
  readonly stream?: AsyncIterable<string>
}

type Schema = z.ZodType

/** A route as a resource declares it. One without access does not compile. */
interface RouteSpec<P extends string, Q extends Schema, B extends Schema, A extends Schema> {
  readonly method: Method
  /** Below the base, such as `/repositories/{repository}`. */
  readonly path: P
  readonly access: AccessOf<P>
  /** Unique name: the method of generated clients. */
  readonly id: string
  readonly summary: string
  readonly description?: string
  /** Parameters of the query; an unknown one is an error. Without it there are none. */
  readonly query?: Q
  /** The JSON body. Without it there is none. */
  readonly body?: B
  readonly bodyExample?: z.input<B>
  /** `If-Match` of a change: `optional`, or `required` where two people edit the same document. */
  readonly ifMatch?: 'optional' | 'required'
  /** Status of success: by default 200 with an answer, else 204. */
  readonly status?: number
  readonly answer?: A
  readonly answerExample?: z.input<A>
  /** Media type of an answer that is a stream. */
  readonly streamType?: string
  /** Codes of the route's own, beside those of the frame. */
  readonly errors?: readonly (ApiErrorCode | OciErrorCode)[]
  /** Most bytes of the body; by default those of the frame. */
  readonly maxBodyBytes?: number
  handle(call: Call<P, z.output<Q>, z.output<B>>): Promise<Result<z.input<A>>> | Result<z.input<A>>
}

/** A route without the types of its parts. */
export interface Route
  extends Omit<
    RouteSpec<string, Schema, Schema, Schema>,
    'access' | 'handle' | 'bodyExample' | 'answerExample'
  > {
  readonly access: RouteAccess
  readonly bodyExample?: unknown
  readonly answerExample?: unknown
  handle(call: Call<string, unknown, unknown>): Promise<Result<unknown>> | Result<unknown>
}

/** Declares a route. Its handler gets values of the types that its path and its schemas state. */
export function toRoute<
  const P extends string,
  Q extends Schema = z.ZodUndefined,
  B extends Schema = z.ZodUndefined,
  A extends Schema = z.ZodUndefined,
>(spec: RouteSpec<P, Q, B, A>): Route {
  // The frame calls the handler with what these schemas return, which a list of routes of all types cannot express.
  return spec as unknown as Route
}

/** The account of a call that needed one. */
export function requireCaller({ principal }: { readonly principal: Principal }): AccountPrincipal {
  if (principal.kind !== 'anonymous') return principal
  throw new TypeError('a route with access for anyone has no account')
}
