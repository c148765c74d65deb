import { createHmac, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'

/** Characters of a pseudonym's number: 32 bits keep thousands of names apart. */
const NUMBER_LENGTH = 8
/** A word that can be a name: one part of a repository's path, an account, a host, a mail address, an IPv4 address. */
const WORD = /[\p{L}\p{N}_][\p{L}\p{N}_.@-]*/gu
/** Text that can be an IPv6 address. */
const HEX_GROUPS = /(?<![\w:])[\da-f:]*:[\da-f:]*:[\da-f.:]*(?:%\w+)?/gi

/**
 * Replaces names by pseudonyms: the same name by the same one, and by another in another bundle. Addresses of networks
 * are replaced wherever they stand, except those of the machine itself.
 */
export class NameVeil {
  readonly #key = randomBytes(32)
  readonly #names = new Set<string>()

  /** Adds a name, each part of a path by itself. */
  add(name: string): void {
    for (const [word] of name.toLowerCase().matchAll(WORD)) {
      const part = trimEnd(word)
      if (!isOwnHost(part)) this.#names.add(part)
    }
  }

  /** The text with a pseudonym for each name in it. */
  cover(text: string): string {
    const words = text.replace(WORD, (word) => {
      const name = trimEnd(word)
      if (!this.#names.has(name.toLowerCase()) && !isForeignAddress(name)) return word
      return this.#pseudonym(name) + word.slice(name.length)
    })
    return words.replace(HEX_GROUPS, (address) =>
      isForeignAddress(address) ? this.#pseudonym(address) : address,
    )
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
