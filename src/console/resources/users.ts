import type { Account, AccountManager } from '../../accounts/accounts.ts'
import type { ConsoleParts } from '../console-parts.ts'
import { ApiError } from '../frame/api-error.ts'
import { requireVersion } from '../frame/entity-tag.ts'
import { pageOf, pageQuery, parseCursor, toPage } from '../frame/pages.ts'
import { type Route, toRoute } from '../frame/route.ts'
import { count, maybeTime, time, toTime, z } from '../frame/schema.ts'

const userSchema = z
  .object({
    name: z.string().meta({ examples: ['alice'] }),
    owns: z.array(z.string()).meta({ description: 'Names whose repositories, `<name>/**`, are its own' }),
    isAdmin: z.boolean(),
    isDisabled: z.boolean(),
    source: z
      .enum(['database', 'htpasswd', 'directory'])
      .meta({ description: '`htpasswd`: from a file, and can only be changed there' }),
    createdAt: maybeTime,
  })
  .meta({ id: 'User' })

const EXAMPLE = {
  name: 'alice',
  owns: ['alice'],
  isAdmin: false,
  isDisabled: false,
  source: 'database' as const,
  createdAt: '2026-10-02T08:00:00.000Z',
}

/** Bounds of the body; the accounts have the rules themselves. */
const name = z
  .string()
  .min(1)
  .max(64)
  .meta({ examples: ['alice'] })
const password = z
  .string()
  .min(8)
  .max(1_024)
  .meta({
    format: 'password',
    description: 'At least 8 characters, at most 1,024 bytes',
    examples: ['a long sentence'],
  })

const logInSchema = z
  .object({
    id: z.string(),
    client: z.string().meta({ examples: ['docker'] }),
    createdAt: time,
    usedAt: maybeTime,
    expiresAt: time,
  })
  .meta({ id: 'LogIn' })

/** Routes about accounts. */
export function userRoutes(parts: ConsoleParts): Route[] {
  return [...readRoutes(parts), ...changeRoutes(parts), ...endRoutes(parts), ...logInRoutes(parts)]
}

function readRoutes({ accountsOf }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/users',
      access: 'administer',
      id: 'listUsers',
      summary: 'All accounts, by name',
      query: z.strictObject(pageQuery),
      answer: pageOf(userSchema),
      answerExample: { items: [EXAMPLE], next: null },
      errors: ['CURSOR_INVALID'],
      async handle({ query: { limit, cursor }, principal }) {
        const accounts = accountsOf(principal)
        const after = parseCursor(cursor, z.string())
        const found = (await accounts.list()).filter(({ name }) => after === undefined || name > after)
        const { items, next } = toPage(found, { limit, toPosition: ({ name }) => name })
        return { body: { items: items.map(toUser), next } }
      },
    }),
    toRoute({
      method: 'GET',
      path: '/users/{account}',
      access: 'administer',
      id: 'getUser',
      summary: 'One account',
      answer: userSchema,
      answerExample: EXAMPLE,
      async handle({ params: { account }, principal }) {
        const accounts = accountsOf(principal)
        const found = await requireUser(accounts, account)
        return { body: toUser(found), etag: versionOf(found) }
      },
    }),
  ]
}

function changeRoutes({ accountsOf }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'POST',
      path: '/users',
      access: 'administer',
      id: 'createUser',
      summary: 'Makes an account',
      body: z.strictObject({
        name,
        password,
        isAdmin: z.boolean().default(false),
        takeOver: z
          .boolean()
          .default(false)
          .meta({ description: 'True: it owns the repositories that exist below its name' }),
      }),
      bodyExample: { name: 'alice', password: 'a long sentence' },
      status: 201,
      answer: userSchema,
      answerExample: EXAMPLE,
      errors: ['ACCOUNT_INVALID', 'ACCOUNT_EXISTS'],
      async handle({ body, principal }) {
        const accounts = accountsOf(principal)
        await accounts.add(body)
        const made = await requireUser(accounts, body.name)
        return { body: toUser(made), etag: versionOf(made), location: `/users/${made.name}` }
      },
    }),
    toRoute({
      method: 'PATCH',
      path: '/users/{account}',
      access: 'administer',
      id: 'changeUser',
      summary: 'Disables or enables an account: its log-ins end at once',
      body: z.strictObject({ isDisabled: z.boolean() }),
      bodyExample: { isDisabled: true },
      ifMatch: 'optional',
      answer: userSchema,
      answerExample: { ...EXAMPLE, isDisabled: true },
      errors: ['LAST_ADMIN'],
      async handle({ params: { account }, body: { isDisabled }, ifMatch, principal }) {
        const accounts = accountsOf(principal)
        requireVersion(ifMatch, versionOf(await requireUser(accounts, account)))
        await accounts.setDisabled(account, isDisabled)
        const changed = await requireUser(accounts, account)
        return { body: toUser(changed), etag: versionOf(changed) }
      },
    }),
    toRoute({
      method: 'PUT',
      path: '/users/{account}/password',
      access: 'administer',
      id: 'setPassword',
      summary: 'Changes a password: log-ins with the old one end',
      body: z.strictObject({ password }),
      bodyExample: { password: 'a long sentence' },
      ifMatch: 'optional',
      errors: ['ACCOUNT_INVALID'],
      async handle({ params: { account }, body, ifMatch, principal }) {
        const accounts = accountsOf(principal)
        requireVersion(ifMatch, versionOf(await requireUser(accounts, account)))
        await accounts.setPassword(account, body.password)
        return {}
      },
    }),
  ]
}

function endRoutes({ accountsOf }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'DELETE',
      path: '/users/{account}',
      access: 'administer',
      id: 'deleteUser',
      summary: 'Removes an account; its repositories stay, without an owner or given to another account',
      query: z.strictObject({
        giveTo: name.optional().meta({ description: 'Account that owns its repositories from then on' }),
      }),
      ifMatch: 'optional',
      answer: z.object({ repositories: count, owners: z.array(z.string()) }),
      answerExample: { repositories: 2, owners: ['alice'] },
      errors: ['LAST_ADMIN'],
      async handle({ params: { account }, query: { giveTo }, ifMatch, principal }) {
        const accounts = accountsOf(principal)
        requireVersion(ifMatch, versionOf(await requireUser(accounts, account)))
        const { count, owners } = await accounts.remove(account, { giveTo })
        return { body: { repositories: count, owners: [...owners] } }
      },
    }),
  ]
}

function logInRoutes({ accountsOf, logIns }: ConsoleParts): Route[] {
  return [
    toRoute({
      method: 'GET',
      path: '/users/{account}/log-ins',
      access: 'administer',
      id: 'listLogIns',
      summary: 'Log-ins of an account that are in force, the newest first',
      answer: z.object({ items: z.array(logInSchema) }),
      answerExample: {
        items: [
          {
            ...{ id: '7f3a', client: 'docker', createdAt: '2026-11-28T09:30:00.000Z', usedAt: null },
            expiresAt: '2027-02-26T09:30:00.000Z',
          },
        ],
      },
      async handle({ params: { account }, principal }) {
        const accounts = accountsOf(principal)
        await requireUser(accounts, account)
        const items = (await logIns.list(account)).map(({ id, client, createdAt, usedAt, expiresAt }) => ({
          ...{ id, client, createdAt: createdAt.toISOString() },
          ...{ usedAt: toTime(usedAt), expiresAt: expiresAt.toISOString() },
        }))
        return { body: { items } }
      },
    }),
    toRoute({
      method: 'DELETE',
      path: '/users/{account}/log-ins',
      access: 'administer',
      id: 'endLogIns',
      summary: 'Ends one log-in of an account, or all',
      query: z.strictObject({
        id: z.string().min(1).max(128).optional().meta({ description: 'One of the list; without it all' }),
      }),
      answer: z.object({ ended: count }),
      answerExample: { ended: 1 },
      async handle({ params: { account }, query: { id }, principal }) {
        const accounts = accountsOf(principal)
        await requireUser(accounts, account)
        return { body: { ended: await logIns.end(account, id) } }
      },
    }),
  ]
}

/** Errors: `ACCOUNT_UNKNOWN`. */
async function requireUser(accounts: AccountManager, name: string): Promise<Account> {
  const found = (await accounts.list()).find((account) => account.name === name)
  if (found) return found
  throw new ApiError('ACCOUNT_UNKNOWN')
}

/** An account of a name made anew has another id. */
function versionOf({ id, version }: Account): string {
  return `${id}-${version}`
}

function toUser({ name, owns, isAdmin, isDisabled, source, createdAt }: Account) {
  return { name, owns: [...owns], isAdmin, isDisabled, source, createdAt: toTime(createdAt) }
}
