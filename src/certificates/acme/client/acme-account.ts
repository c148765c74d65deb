import { createHash } from 'node:crypto'
import { type AcmeDirectory, invalid } from './requests/acme-directory.ts'
import { AcmeError, isProblem } from './requests/acme-error.ts'
import { type AccountKey, bindAccount, makeAccountKey, parseAccountKey } from './requests/jws.ts'
import { isObject } from './requests/problem.ts'

/** Contact and binding of an account. */
interface AccountSettings {
  readonly email: string | undefined
  readonly eab: { readonly keyId: string; readonly hmacKey: string } | undefined
}

/** Durable records of accounts by id; a written record survives a power cut. Errors: `ACME_STORAGE_UNUSABLE`. */
interface AccountRecords {
  /** Runs pieces of work of one name one after the other, whatever the outcome of those before. */
  inTurn<T>(name: string, act: () => Promise<T>): Promise<T>
  /** The record; undefined if there is none. */
  read(kind: 'accounts', id: string): Promise<unknown>
  write(kind: 'accounts', id: string, value: unknown): Promise<void>
  remove(kind: 'accounts', id: string): Promise<void>
}

/** An account at a CA, ready for use. */
export interface AcmeAccount {
  /** Name of its record. */
  readonly id: string
  readonly key: AccountKey
  readonly url: string
}

/**
 * One account for each CA, mail address and binding: so limits are shared, and a change of either makes a new account.
 */
function accountId(directoryUrl: string, settings: AccountSettings): string {
  const accountKey = JSON.stringify([directoryUrl, settings.email ?? '', settings.eab?.keyId ?? ''])
  const host = (URL.parse(directoryUrl)?.hostname ?? 'ca').replace(/[^a-z0-9.-]/g, '').slice(0, 60)
  return `${host}-${createHash('sha256').update(accountKey).digest('hex').slice(0, 12)}`
}

/**
 * The account for orders: the one on disk, or a new one, whose key is on disk before it is sent to the CA. Making one
 * agrees to the CA's terms of service. Errors: `ACME_REFUSED`, among them `externalAccountRequired`;
 * `ACME_STORAGE_UNUSABLE`.
 */
function openAccount(
  directory: AcmeDirectory,
  store: AccountRecords,
  settings: AccountSettings,
): Promise<AcmeAccount> {
  const id = accountId(directory.url, settings)
  // Orders run side by side: the first of them makes the account, the others wait for it.
  return store.inTurn(`account ${id}`, () => openNow(id, { directory, store, settings }))
}

async function openNow(
  id: string,
  {
    directory,
    store,
    settings,
  }: { directory: AcmeDirectory; store: AccountRecords; settings: AccountSettings },
): Promise<AcmeAccount> {
  const record = await store.read('accounts', id)
  const kept = isObject(record) && typeof record.key === 'string' ? record : undefined
  const keyPem = typeof kept?.key === 'string' ? kept.key : makeAccountKey()
  const key = parseAccountKey(keyPem)
  if (typeof kept?.url === 'string') return { id, key, url: kept.url }
  const about = { directory: directory.url, email: settings.email, terms: directory.resource.termsOfService }
  if (kept === undefined) await store.write('accounts', id, { ...about, key: keyPem })
  const url = await register(directory, key, settings)
  await store.write('accounts', id, { ...about, key: keyPem, url })
  return { id, key, url }
}

/**
 * Runs `use` with an account; if the CA no longer knows it, once more with a new one. Errors: those of `use`; for an
 * account that the CA has closed, one that names this.
 */
export async function withAccount<T>(
  directory: AcmeDirectory,
  options: { readonly store: AccountRecords; readonly settings: AccountSettings },
  use: (account: AcmeAccount) => Promise<T>,
): Promise<T> {
  const { store, settings } = options
  const account = await openAccount(directory, store, settings)
  try {
    return await use(account)
  } catch (error) {
    if (isProblem(error, 'unauthorized')) throw await explainUnauthorized(directory, account, error)
    if (!isProblem(error, 'accountDoesNotExist')) throw error
    await store.remove('accounts', account.id)
    return await use(await openAccount(directory, store, settings))
  }
}

async function register(
  directory: AcmeDirectory,
  key: AccountKey,
  settings: AccountSettings,
): Promise<string> {
  const { newAccount, externalAccountRequired } = directory.resource
  if (externalAccountRequired && settings.eab === undefined)
    throw new AcmeError(
      'ACME_REFUSED',
      `${directory.host} gives certificates only to accounts it knows already (external account binding)`,
      'Set acme-eab-key-id and acme-eab-hmac-key to what the CA gave you.',
    )
  const binding =
    settings.eab === undefined ? {} : { externalAccountBinding: bindAccount(key, settings.eab, newAccount) }
  const contact = settings.email === undefined ? {} : { contact: [`mailto:${settings.email}`] }
  const payload = { termsOfServiceAgreed: true, ...contact, ...binding }
  const { headers } = await directory.post(newAccount, key, { payload })
  if (typeof headers.location === 'string' && URL.canParse(headers.location)) return headers.location
  throw invalid(directory.host, 'made an account without naming its URL')
}

/** `unauthorized` may be about a name or about the account; the account's own state shows which. */
async function explainUnauthorized(
  directory: AcmeDirectory,
  account: AcmeAccount,
  error: AcmeError,
): Promise<AcmeError> {
  const state = await directory
    .post(account.url, account.key, { accountUrl: account.url })
    .catch((reason) => reason)
  const isClosed =
    isProblem(state, 'unauthorized') || (isObject(state?.json) && state.json.status !== 'valid')
  if (!isClosed) return error
  return new AcmeError(
    'ACME_REFUSED',
    `${directory.host} has closed the account ${account.url}: ${error.problem?.detail ?? ''}`,
    `Ask the CA why; to order with a new account, remove accounts/${account.id}.json below certificates/acme of the data folder.`,
    { problem: error.problem, cause: error },
  )
}
