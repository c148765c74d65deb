import type { PasswordCost } from '../../../src/accounts/passwords/password-hash.ts'

/** The lowest cost of argon2id: for tests of anything but the cost itself. */
export const CHEAP_PASSWORDS: PasswordCost = { memoryKib: 8, passes: 1, parallelism: 1 }
