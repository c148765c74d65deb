import type { Account, Authenticator } from '../../../src/accounts/accounts.ts'

/** Accounts in memory, with their passwords as they are; `set()` adds or replaces one. */
export class MemoryAuthenticator implements Authenticator {
  readonly #known = new Map<string, { account: Account; password: string }>()

  set(account: Partial<Account> & { name: string }, password: string): void {
    const { name } = account
    const whole: Account = {
      id: `user:${name}`,
      owns: [name],
      isAdmin: false,
      isDisabled: false,
      source: 'database',
      version: '1',
      createdAt: undefined,
      ...account,
    }
    this.#known.set(name, { account: whole, password })
  }

  async verifyPassword(name: string | undefined, password: string): Promise<Account | undefined> {
    return name !== undefined && this.#known.get(name)?.password === password
      ? this.findEnabled(name)
      : undefined
  }

  findEnabled(name: string): Account | undefined {
    const account = this.#known.get(name)?.account
    return account?.isDisabled ? undefined : account
  }
}
