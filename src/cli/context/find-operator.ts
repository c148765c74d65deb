import { userInfo } from 'node:os'

/** Name of the user who runs this command, for a record; no account has such a name, as names have no brackets. */
export function findOperator(): string {
  try {
    return `${userInfo().username} (command)`
  } catch {
    // A user without an entry in the list of users, as in a container.
    return `user ${process.getuid?.() ?? '?'} (command)`
  }
}
