import { toBytes } from './byte-text.ts'

/** Characters that `ngx_escape_uri` escapes in a path, and in arguments. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
const IN_PATH = /[\u0000-\u0020"#%<>?\\^`{|}\u007f-\uffff]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
const IN_ARGS = /[\u0000-\u0020"#%&+;<>?\\^`{|}\u007f-\uffff]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
const IN_REDIRECT = /[\u0000-\u0020"#%?\u007f-\uffff]/
const IN_HEADER = /[^\x21-\x7e]/

/** A decoded path in the form of a request to an upstream. */
export function escapePath(text: string): string {
  return escapeBy(text, IN_PATH)
}

/** A piece of a decoded path in the form of arguments. */
export function escapeArgument(text: string): string {
  return escapeBy(text, IN_ARGS)
}

/** A piece of a decoded path in the form of a redirect's path. */
export function escapeRedirect(text: string): string {
  return escapeBy(text, IN_REDIRECT)
}

/** A text in part from a request, in the form of a header: characters that could end it are escaped. */
export function escapeHeader(text: string): string {
  return escapeBy(text, IN_HEADER)
}

function escapeBy(text: string, escaped: RegExp): string {
  if (!escaped.test(text)) return text
  let result = ''
  for (const sign of text) {
    if (!escaped.test(sign)) result += sign
    else {
      for (const byte of toBytes(sign)) result += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    }
  }
  return result
}
