import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Client, Entry, SearchOptions } from 'ldapts'
import { type Directory, DirectoryError, type DirectoryPerson } from '../accounts/directory.ts'
import type { LdapConfig } from '../config/ldap.ts'
import { readSmallFile } from '../files/read-small-file.ts'

/** Longest time to connect, and for each answer, in milliseconds: a log-in waits for up to five of them. */
const CONNECT_TIMEOUT_MS = 5_000
const ANSWER_TIMEOUT_MS = 5_000
/** Largest file with a password or authorities, in bytes: those of all public authorities have some 250 kB. */
const MAX_FILE_BYTES = 1_048_576
/** Most groups of one person: more than an organization has of use for a registry. */
const MAX_GROUPS = 500
/**
 * Attributes by which servers identify an entry for good: OpenLDAP and 389 (RFC 4530), Active Directory, FreeIPA, older
 * 389. Without any, the DN identifies it.
 */
const ID_ATTRIBUTES = ['entryUUID', 'objectGUID', 'ipaUniqueID', 'nsUniqueId']
/** Holds bytes instead of text. */
const BINARY_ID = 'objectGUID'

/** The persons of an LDAP directory (RFC 4511). Each check has a connection of its own, which it closes. */
export function createLdapDirectory(settings: LdapConfig): Directory {
  return {
    verify: (name, password) =>
      useConnection(settings, async (connection) => {
        // RFC 4513 section 5.1.2: a bind without a password succeeds for any DN, and proves nothing.
        if (password === '') return undefined
        const entry = await findEntry(connection, name)
        if (entry === undefined || !(await isPassword(connection, { dn: entry.dn, password })))
          return undefined
        await bindSearcher(connection)
        return toPerson(connection, { name, entry })
      }),
    find: (name) =>
      useConnection(settings, async (connection) => {
        const entry = await findEntry(connection, name)
        return entry && toPerson(connection, { name, entry })
      }),
  }
}

/** Searches persons and groups, as a log-in does, for somebody who need not exist. Errors: `DirectoryError`. */
export function probeLdap(settings: LdapConfig): Promise<void> {
  return useConnection(settings, async (connection) => {
    await findEntry(connection, PROBE)
    await findGroups(connection, {
      name: PROBE,
      dn: `${settings.nameAttribute}=${PROBE},${settings.userBase}`,
    })
  })
}

const PROBE = 'berth-probe'

interface Connection {
  readonly client: Client
  readonly settings: LdapConfig
  readonly isWrongPassword: (error: unknown) => boolean
}

/** Opens a connection that may search, and closes it after its use. Errors: `DirectoryError`. */
async function useConnection<T>(
  settings: LdapConfig,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  // Loaded at the first use: servers without a directory do without its memory.
  const { Client: LdapClient, InvalidCredentialsError } = await import('ldapts')
  const tls = await readTlsOptions(settings)
  const client = new LdapClient({
    url: settings.url,
    connectTimeout: CONNECT_TIMEOUT_MS,
    timeout: ANSWER_TIMEOUT_MS,
    ...(settings.url.startsWith('ldaps:') ? { tlsOptions: tls } : {}),
  })
  const connection: Connection = {
    client,
    settings,
    isWrongPassword: (error) => error instanceof InvalidCredentialsError,
  }
  try {
    if (settings.isStartTls) await client.startTLS(tls)
    await bindSearcher(connection)
    return await use(connection)
  } catch (cause) {
    throw cause instanceof DirectoryError ? cause : new DirectoryError(describe(cause), { cause })
  } finally {
    // The answers are complete: a server that is gone by now takes nothing with it.
    await client.unbind().catch(() => {})
  }
}

async function readTlsOptions({ url, caFile }: LdapConfig): Promise<ConnectionOptions> {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')
  return {
    host,
    // RFC 6066 section 3: a name is sent, never an address; the certificate is checked against `host` in both cases.
    ...(isIP(host) === 0 && { servername: host }),
    ...(caFile !== undefined && { ca: await readText(caFile, 'The file of its authorities') }),
  }
}

async function bindSearcher({ client, settings, isWrongPassword }: Connection): Promise<void> {
  const { bindDn, bindPasswordFile } = settings
  if (bindDn === undefined) return client.bind('', '')
  const password = bindPasswordFile === undefined ? '' : await readPassword(bindPasswordFile)
  try {
    await client.bind(bindDn, password)
  } catch (cause) {
    if (!isWrongPassword(cause)) throw cause
    throw new DirectoryError('It refuses the account by which Berth searches', { cause })
  }
}

async function readPassword(file: string): Promise<string> {
  const what = "The file with the searching account's password"
  const password = (await readText(file, what)).replace(/\r?\n$/, '')
  // RFC 4513 section 5.1.2: such a log-in would be one without an account.
  if (password === '') throw new DirectoryError(`${what} is empty`)
  return password
}

/** The text of a regular file: a pipe in its place would hold up each log-in. */
async function readText(file: string, what: string): Promise<string> {
  try {
    const found = await readSmallFile(file, MAX_FILE_BYTES)
    if ('text' in found) return found.text
    throw new DirectoryError(`${what} cannot be used: ${found.problem}`)
  } catch (cause) {
    throw cause instanceof DirectoryError ? cause : new DirectoryError(`${what} cannot be read`, { cause })
  }
}

/**
 * The entry of exactly this name. Directories compare loosely (case, spaces), and two spellings of one name would be two
 * accounts: the entry must have the name as it was given, apart from capitals.
 */
async function findEntry({ client, settings }: Connection, name: string): Promise<Entry | undefined> {
  const { userBase, userFilter, nameAttribute } = settings
  const { searchEntries } = await client.search(userBase, {
    ...SEARCH,
    filter: `(&${userFilter}(${nameAttribute}=${escapeValue(name)}))`,
    attributes: [nameAttribute, ...ID_ATTRIBUTES],
    explicitBufferAttributes: [BINARY_ID],
    sizeLimit: 2,
  })
  const [entry, other] = searchEntries
  if (other) throw new DirectoryError('It has several persons of one name')
  const isExact = entry && readTexts(entry, nameAttribute).some((value) => value.toLowerCase() === name)
  return isExact ? entry : undefined
}

const SEARCH: SearchOptions = {
  scope: 'sub',
  derefAliases: 'never',
  timeLimit: Math.ceil(ANSWER_TIMEOUT_MS / 1_000),
}

async function isPassword(
  { client, isWrongPassword }: Connection,
  { dn, password }: { dn: string; password: string },
): Promise<boolean> {
  try {
    await client.bind(dn, password)
    return true
  } catch (error) {
    if (isWrongPassword(error)) return false
    throw error
  }
}

async function toPerson(
  connection: Connection,
  { name, entry }: { name: string; entry: Entry },
): Promise<DirectoryPerson> {
  return { id: readId(entry), name, groups: await findGroups(connection, { name, dn: entry.dn }) }
}

function readId(entry: Entry): string {
  for (const attribute of ID_ATTRIBUTES) {
    const value = [entry[attribute]].flat()[0]
    if (Buffer.isBuffer(value) && value.length > 0) return `${attribute}:${value.toString('hex')}`
    if (typeof value === 'string' && value !== '') return `${attribute}:${value}`
  }
  return `dn:${entry.dn.toLowerCase()}`
}

/** Names of the groups that list the person: by DN, by DN of a unique member, or by name (RFC 2307). */
async function findGroups(
  { client, settings }: Connection,
  { name, dn }: { name: string; dn: string },
): Promise<readonly string[]> {
  const { groupBase, groupFilter, groupNameAttribute } = settings
  if (groupBase === undefined) return []
  const member = escapeValue(dn)
  const { searchEntries } = await client.search(groupBase, {
    ...SEARCH,
    filter: `(&${groupFilter}(|(member=${member})(uniqueMember=${member})(memberUid=${escapeValue(name)})))`,
    attributes: [groupNameAttribute],
    sizeLimit: MAX_GROUPS,
  })
  return [...new Set(searchEntries.flatMap((entry) => readTexts(entry, groupNameAttribute)))].sort()
}

function readTexts(entry: Entry, attribute: string): string[] {
  const key = Object.keys(entry).find((each) => each.toLowerCase() === attribute.toLowerCase())
  const values = key === undefined ? [] : [entry[key]].flat()
  return values.filter((value) => typeof value === 'string')
}

/** A value inside a filter (RFC 4515 section 3): nothing in it acts as syntax. */
function escapeValue(value: string): string {
  return value.replaceAll(/[\\*()\0]/g, (found) => `\\${found.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** The kind of a failure, for the log, without anything that was sent. */
function describe(cause: unknown): string {
  const { code, name, message } = cause as { code?: unknown; name?: string; message?: string }
  if (typeof code === 'string') return `It cannot be reached (${code})`
  if (typeof code === 'number') return `It answered with the code ${code} (${name})`
  return `It gave no usable answer (${message ?? name})`
}
