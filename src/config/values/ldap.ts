import type { ZodType } from 'zod'
import { z } from './zod.ts'

/** Longest text of a setting about a directory, in characters. */
const MAX_LENGTH = 1_024
const URL_FAULT =
  'must be off, or ldap:// or ldaps:// with a host and perhaps a port, such as ldap://ldap.example.com'
/** An attribute's name or number (RFC 4512 section 1.4). */
const ATTRIBUTE = /^(?:[A-Za-z][A-Za-z0-9-]{0,126}|\d+(?:\.\d+){1,30})$/
const DN_FAULT = 'must be a DN, such as ou=people,dc=example,dc=com'
const FILTER_FAULT = 'must be a filter in brackets, such as (objectClass=person)'

/** URL of a directory; `off` becomes undefined. */
export const ldapUrl: ZodType<string | undefined> = z
  .union([z.string(), z.literal(false).transform(() => 'off')], URL_FAULT)
  .transform((value, context) => {
    if (value === 'off') return undefined
    const url = value.length <= MAX_LENGTH ? URL.parse(value) : null
    // A path would be a DN to search at (RFC 4516), which has a setting of its own, and a user a password to leak.
    const isPlain =
      url && /^ldaps?:$/.test(url.protocol) && url.hostname !== '' && !url.username && !url.password
    if (!isPlain || !['', '/'].includes(url.pathname) || /[?#]/.test(value)) {
      context.addIssue(URL_FAULT)
      return z.NEVER
    }
    return `${url.protocol}//${url.host}`
  })

/** The name of an entry (RFC 4514), of which the directory checks the rest. */
export const ldapDn: ZodType<string> = z
  .string(DN_FAULT)
  .max(MAX_LENGTH, 'is too long')
  .regex(/^[A-Za-z0-9.-]+=\P{Cc}+$/u, DN_FAULT)

/** The name of an attribute. */
export const ldapAttribute: ZodType<string> = z
  .string('must be the name of an attribute')
  .regex(ATTRIBUTE, 'must be the name of an attribute, such as uid')

/** A filter (RFC 4515): one pair of brackets around all of it, so that it cannot end the filter that it becomes part of. */
export const ldapFilter: ZodType<string> = z
  .string(FILTER_FAULT)
  .max(MAX_LENGTH, 'is too long')
  .refine(isOneFilter, FILTER_FAULT)

function isOneFilter(value: string): boolean {
  if (!/^\(\P{Cc}+\)$/u.test(value)) return false
  let depth = 0
  for (const [index, character] of [...value].entries()) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (depth === 0 && index < value.length - 1) return false
  }
  return depth === 0
}
