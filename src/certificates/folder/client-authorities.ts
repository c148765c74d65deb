import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { hostKey } from '../x509/x509-facts.ts'
import type { ClientFile, ClientFileContent, ClientFiles } from './read-client-files.ts'

/** Hosts whose choice is remembered: as many as can be declared. */
const MAX_CHOICES = 20_000

/** CAs whose clients a host lets in. The same value as long as its files are the same. */
interface ClientAuthority {
  /** Names of its files, for people. */
  readonly file: string
  /** Certificates of the CAs, PEM. */
  readonly authorities: readonly string[]
  /** Their lists of revoked certificates, PEM. */
  readonly revocations: readonly string[]
}

/** CAs for the clients of a host; or the reason why they are not known, so that no client may come in. */
export type ClientChoice =
  | { readonly authority: ClientAuthority; readonly problem?: undefined }
  | { readonly authority?: undefined; readonly problem: string; readonly remedy: string }

/** All files about clients, ready to choose from at every handshake. */
export class ClientAuthorities {
  readonly #files: ReadonlyMap<string, ClientFile>
  readonly #choices = new Map<string, ClientChoice | undefined>()

  /** @param folders In their order: the first that has a file wins. */
  constructor(folders: readonly ClientFiles[]) {
    this.#files = new Map(folders.toReversed().flatMap((files) => [...files]))
  }

  /** State of each file, by its path, for the operator: a change of who is let in must show in the log. */
  describe(): Map<string, { readonly isFine: boolean; readonly text: string }> {
    const files = [...this.#files.values()].filter(
      ({ hasKey, path }) => !hasKey || basename(path) === 'ca.crt',
    )
    return new Map(files.map((file) => [file.path, describeFile(file)]))
  }

  /**
   * Chooses for a host as it was declared: `<host>.ca.crt`, else `ca.crt`, with the list beside it.
   * @returns undefined if there is neither: client certificates are not requested.
   */
  choose(host: string): ClientChoice | undefined {
    if (this.#files.size === 0) return undefined
    if (this.#choices.has(host)) return this.#choices.get(host)
    const choice = this.#choose(host.startsWith('~') ? sha1(host) : hostKey(host))
    if (this.#choices.size < MAX_CHOICES) this.#choices.set(host, choice)
    return choice
  }

  #choose(key: string): ClientChoice | undefined {
    const own = this.#files.get(`${key}.ca.crt`)
    const cas = own ?? this.#files.get('ca.crt')
    if (!cas) return undefined
    const list = this.#files.get(`${key}.crl.pem`) ?? this.#globalListFor(cas, own !== undefined)
    for (const { content, problem, remedy } of list ? [cas, list] : [cas]) {
      if (!content) return { problem: problem ?? '', remedy: remedy ?? '' }
    }
    if (list && isListOf(list, cas) === false) {
      const names = [list, cas].map(({ path }) => basename(path))
      return {
        problem: `${names.join(' is of no CA in ')}, so that no client could be let in`,
        remedy: `Put the list of that CA in the place of ${names[0]}, or take it away`,
      }
    }
    return { authority: join(cas, list) }
  }

  /**
   * The list beside `ca.crt` belongs to its CAs: with others every client would be refused. A list that was never
   * readable may be for any CA.
   */
  #globalListFor(cas: ClientFile, isOwn: boolean): ClientFile | undefined {
    const list = this.#files.get('ca.crl.pem')
    return list && isOwn && isListOf(list, cas) === false ? undefined : list
  }
}

function describeFile({ path, problem, remedy }: ClientFile): { isFine: boolean; text: string } {
  if (problem !== undefined)
    return { isFine: false, text: `${problem}. ${remedy}. Its hosts are closed until then.` }
  const name = basename(path)
  if (name.toLowerCase().endsWith('.pem'))
    return { isFine: true, text: `${name} says which clients are refused` }
  const hosts = name.toLowerCase() === 'ca.crt' ? 'all hosts without a file of their own' : name.slice(0, -7)
  return { isFine: true, text: `visitors of ${hosts} show a certificate of a CA in ${name}` }
}

/** Undefined: not known. */
function isListOf({ names }: ClientFile, cas: ClientFile): boolean | undefined {
  return names && cas.names && names.some((name) => cas.names?.includes(name))
}

const NO_LIST: ClientFileContent = []
/** A memo: the two files of a key never change, and a host must get the same object for them each time. */
const joined = new WeakMap<ClientFileContent, WeakMap<ClientFileContent, ClientAuthority>>()

/** The same files give the same value, whatever else in their folder has changed. */
function join(cas: ClientFile, list: ClientFile | undefined): ClientAuthority {
  const authorities = cas.content ?? NO_LIST
  const revocations = list?.content ?? NO_LIST
  const known = joined.get(authorities) ?? new WeakMap<ClientFileContent, ClientAuthority>()
  joined.set(authorities, known)
  const authority = known.get(revocations) ?? {
    file: [cas, ...(list ? [list] : [])].map(({ path }) => basename(path)).join(' and '),
    authorities,
    revocations,
  }
  known.set(revocations, authority)
  return authority
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
