import type { Command } from 'commander'
import type { OpenData } from '../../../app/data/open-data.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf, requireDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'
import { askConfirmation } from '../../prompts/ask.ts'

/** `berth user logins`. */
export function addLogIns(user: Command, io: Io): void {
  user
    .command('logins <name>')
    .description('List the log-ins that clients have stored in place of the password.')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await requireDataOf(context)
      await using data = await openDataOf(context)
      const logIns = await data.logIns.list(name)
      if (logIns.length === 0) await requireAccount(data, name)
      const rows = logIns.map((logIn) => [
        logIn.id,
        logIn.client,
        formatTime(logIn.createdAt),
        formatTime(logIn.usedAt),
        formatTime(logIn.expiresAt),
      ])
      const text = formatTable(['ID', 'CLIENT', 'CREATED', 'USED', 'EXPIRES'], rows)
      printResult(
        context,
        { logIns: logIns.map((logIn) => ({ ...logIn, usedAt: logIn.usedAt ?? null })) },
        text,
      )
    })
}

/** `berth user logout`. */
export function addLogOut(user: Command, io: Io): void {
  user
    .command('logout <name> [id]')
    .description(
      'End one of these log-ins, or all. Access tokens already issued are valid until their token-lifetime ends.',
    )
    .option('--yes', 'do not ask')
    .action(async (name: string, id: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      await requireDataOf(context)
      const which = id === undefined ? `all log-ins of ${name}` : `the log-in ${id} of ${name}`
      await askConfirmation(io, `End ${which}?`, context.flags.yes === true)
      await using data = await openDataOf(context)
      const count = await data.logIns.end(name, id)
      if (count === 0) await requireAccount(data, name)
      if (id !== undefined && count === 0) {
        throw new CliError('LOGIN_UNKNOWN', `${name} has no log-in ${id.slice(0, 40)}`, {
          remedy: `Run "berth user logins ${name}" to list those that exist`,
        })
      }
      printResult(
        context,
        { user: { name }, ended: count },
        `${count === 1 ? 'One log-in' : `${count} log-ins`} of ${name} ${count === 1 ? 'was' : 'were'} ended`,
      )
    })
}

/**
 * Checks that an account exists: a name without log-ins is most often mistyped. Errors: `AccountError`
 * `UNKNOWN_ACCOUNT`.
 */
async function requireAccount(data: OpenData, name: string): Promise<void> {
  const accounts = await data.accounts.list()
  if (accounts.some((account) => account.name === name)) return
  const { AccountError } = await import('../../../accounts/accounts.ts')
  const shown = JSON.stringify(name.slice(0, 80))
  throw new AccountError(
    'UNKNOWN_ACCOUNT',
    `No log-ins of ${shown} are stored, and it is no account of the database or of the htpasswd file`,
  )
}
