import { AccountError, type AccountManager, type Authenticator } from '../../accounts/accounts.ts'
import type { NewEvent } from '../../events/event.ts'

/** Records an event outside of the transaction that it announces. */
type Record = (event: NewEvent) => Promise<void>

/** Accounts whose changes are events. A change that fails records nothing. */
export function recordAccountChanges<A extends AccountManager>(
  accounts: A,
  record: Record,
  who?: string | undefined,
): A {
  return {
    ...accounts,
    async add(account: Parameters<AccountManager['add']>[0]) {
      await accounts.add(account)
      const { name: target, isAdmin } = account
      await record({ action: 'user.add', who, target, after: { isAdmin } })
    },
    async setPassword(name: string, password: string) {
      await accounts.setPassword(name, password)
      await record({ action: 'user.password', who, target: name })
    },
    async remove(name: string, options?: { giveTo?: string | undefined }) {
      const kept = await accounts.remove(name, options)
      await record({ action: 'user.remove', who, target: name, after: { giveTo: options?.giveTo } })
      return kept
    },
    async setDisabled(name: string, isDisabled: boolean) {
      await accounts.setDisabled(name, isDisabled)
      await record({ action: isDisabled ? 'user.disable' : 'user.enable', who, target: name })
    },
  }
}

/** Stands for the name of a token that was sent alone; no account has brackets in its name. */
const UNNAMED = '(token)'

/** Called with each checked log-in. It neither waits nor fails. */
type NoteLogIn = (login: {
  readonly name: string
  readonly address: string | undefined
  readonly result: 'accepted' | 'wrong' | 'refused'
}) => void

/** Accounts whose log-ins are events. */
export function noteLogIns<A extends Authenticator>(accounts: A, note: NoteLogIn): A {
  return {
    ...accounts,
    async verifyPassword(...login: Parameters<Authenticator['verifyPassword']>) {
      const [sent = UNNAMED, , address] = login
      try {
        const account = await accounts.verifyPassword(...login)
        // An ID token may come with any name.
        note({ name: account?.name ?? sent, address, result: account ? 'accepted' : 'wrong' })
        return account
      } catch (error) {
        if (error instanceof AccountError && error.code === 'TOO_MANY_ATTEMPTS')
          note({ name: sent, address, result: 'refused' })
        if (error instanceof AccountError && error.code === 'TOKEN_REFUSED')
          note({ name: sent, address, result: 'wrong' })
        throw error
      }
    },
  }
}
