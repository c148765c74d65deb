import { createHmac, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'

/** Characters of a pseudonym's number: 32 bits keep thousands of names apart. */
const NUMBER_LENGTH = 8
/** A word that can be a name: one part of a repository's path, an account, a host, a mail address, an IPv4 address. */
const WORD = /[\p{L}\p{N}_][\p{L}\p{N}_.@-]*/gu
/** Text that can hold an IPv6 address. */
const HEX_GROUPS = /[\da-f]*:[\da-f:]*:[\da-f.:]*/gi
/** Longest such text that is searched, in characters: a longer one is a pseudonym as a whole. */
const MAX_GROUPS_LENGTH = 100
/** An escaped character of ASCII that can be seen. */
const ESCAPED = /%(?:[2-6][\da-f]|7[\da-e])/gi
/** A mail address, or a host below a domain of letters: no version such as `24.0.5`. */
const MAIL_OR_HOST = /^(?:[^@]+@[^@]+\.[\p{L}]{2,}|(?:[\p{L}\p{N}-]+\.)+[\p{L}]{2,})$/u
/** Endings of files of Berth and its settings, none of which is a domain. */
const FILE = /\.(?:db|json|ya?ml|lock|sock|txt|crt|key|pem|js|ts)$/i
/** Words of requests and answers that name nobody. */
const ROUTES: ReadonlySet<string> = new Set(
  'v2 blobs manifests uploads tags list referrers _catalog token livez readyz startupz metrics latest sha256 sha512 unix http https'.split(
    ' ',
  ),
)

/**
 * Replaces names by pseudonyms: the same name by the same one, and by another in another bundle. Addresses of networks
 * are replaced wherever they stand, except those of the machine itself.
 */
export class NameVeil {
  readonly #key = randomBytes(32)
  readonly #names = new Set<string>()

  /** Adds a name that is replaced wherever it stands, each part of a path by itself. */
  add(name: string): void {
    for (const [word] of name.toLowerCase().matchAll(WORD)) {
      const part = trimEnd(word)
      if (!isOwnHost(part)) this.#names.add(part)
    }
  }

  /** The text with a pseudonym for each name that was added, and for each mail address, host and network address. */
  cover(text: string): string {
    return this.#replace(text, (word) => MAIL_OR_HOST.test(word) && !FILE.test(word))
  }

  /** A text that is nothing but names, such as a path: each word of it is one. */
  coverNames(text: string): string {
    return this.#replace(text, (word) => !ROUTES.has(word) && !/^[\da-f]{64}$|^[\da-f]{128}$/.test(word))
  }

  #replace(text: string, isName: (word: string) => boolean): string {
    const isKnown = (word: string): boolean =>
      this.#names.has(word.toLowerCase()) || isForeignAddress(word) || (!isOwnHost(word) && isName(word))
    const plain = text.replace(ESCAPED, (escaped) => decodeURIComponent(escaped))
    const words = plain.replace(HEX_GROUPS, (groups) => this.#coverGroups(groups))
    return words.replace(WORD, (word) => {
      const name = trimEnd(word)
      if (isKnown(name)) return this.#pseudonym(name) + word.slice(name.length)
      // As in `app@sha256`, and a host that has a name as a part.
      const parts = word.split('@').map((part) => (isKnown(part) ? this.#pseudonym(part) : part))
      return parts
        .join('@')
        .replace(/[^.@]+/g, (part) => (this.#names.has(part.toLowerCase()) ? this.#pseudonym(part) : part))
    })
  }

  /** The longest part that is an IPv6 address is covered: a port or a word may stand beside it. */
  #coverGroups(text: string): string {
    if (text.length > MAX_GROUPS_LENGTH) return this.#pseudonym(text)
    for (let length = text.length; length > 2; length--) {
      for (let at = 0; at + length <= text.length; at++) {
        const part = text.slice(at, at + length)
        if (isForeignAddress(part)) return text.slice(0, at) + this.#pseudonym(part) + text.slice(at + length)
      }
    }
    return text
  }

  #pseudonym(name: string): string {
    const digest = createHmac('sha256', this.#key).update(name.toLowerCase()).digest('hex')
    return `name-${digest.slice(0, NUMBER_LENGTH)}`
  }
}

function trimEnd(word: string): string {
  return word.replace(/[.@-]+$/, '')
}

function isForeignAddress(word: string): boolean {
  return isIP(word) !== 0 && !isOwnHost(word)
}

/** Names of each machine for itself say nothing about it. */
function isOwnHost(word: string): boolean {
  return /^(?:localhost|127\.[\d.]+|0\.0\.0\.0|::1?)$/.test(word)
}
