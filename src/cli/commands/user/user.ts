import type { Command } from 'commander'
import type { Account, AccountManager } from '../../../accounts/accounts.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { ANY_DOMAIN, loadWithoutDomain } from '../../context/load-without-domain.ts'
import { addNewFlag } from '../../context/new-flag.ts'
import { openDataOf, requireDataOf } from '../../context/open-data.ts'
import { addServerFlag, isRemote, openListsOf } from '../../context/open-lists.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'
import { askPassword } from '../../prompts/ask.ts'
import { addLogIns, addLogOut } from './user-log-ins.ts'
import { addRemove } from './user-remove.ts'

const EXAMPLES = `
Examples:
  berth user add alice                       ask for a password on the terminal
  pass show alice | berth user add alice --password-stdin
  berth user add root2 --admin               an administrator may do everything
  berth user add alice --new                 before the first start: makes the data folder, too
  berth user disable alice                   ends her log-ins at once, keeps her images
  berth user remove alice --give-to bob      bob owns alice/... from then on, under the same names
  berth user list

A user owns the repositories below the own name: alice may push alice/app.
Changes count at once, also for a server that runs.`

/** Files of virtual hosts are read by the server, which knows the hosts. */
const NOT_LISTED =
  "Users of a password file of the registry's virtual host (auth_basic_user_file) are not listed."

/** `berth user …`. */
export function addUserCommand(program: Command, io: Io): void {
  const user = program.command('user').description('Manage accounts.').addHelpText('after', EXAMPLES)
  addAdd(user, io)
  addPasswd(user, io)
  addRemove(user, io)
  addList(user, io)
  addLogIns(user, io)
  addLogOut(user, io)
  addSetDisabled(user, io, 'disable')
  addSetDisabled(user, io, 'enable')
}

function addAdd(user: Command, io: Io): void {
  addNewFlag(user.command('add <name>'), 'the data folder')
    .description('Make an account.')
    .option('--admin', 'make it an administrator')
    .option('--take-over', 'make it the owner of the repositories that exist below its name')
    .option('--password-stdin', 'take the password from standard input')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const isAdmin = context.flags.admin === true
      const takeOver = context.flags['take-over'] === true
      await requireDataOf(context, { takesNew: true })
      const password = await newPassword(context, name)
      await withAccounts(context, (accounts) => accounts.add({ name, password, isAdmin, takeOver }), {
        takesNew: true,
      })
      const what = isAdmin ? 'Administrator' : 'User'
      printResult(context, { user: { name, isAdmin } }, `${what} ${name} was made`)
    })
}

function addPasswd(user: Command, io: Io): void {
  user
    .command('passwd <name>')
    .description('Change a password; log-ins with the old one end.')
    .option('--password-stdin', 'take the password from standard input')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await requireDataOf(context)
      const password = await newPassword(context, name)
      await withAccounts(context, (accounts) => accounts.setPassword(name, password))
      printResult(context, { user: { name } }, `The password of ${name} was changed`)
    })
}

function addList(user: Command, io: Io): void {
  addServerFlag(user.command('list'))
    .description(
      "List all accounts, those of --htpasswd-file included, but not those of a password file of the registry's virtual host.",
    )
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openListsOf(context)
      const users = await data.accounts.list()
      const rows = users.map((account) => [
        account.name,
        account.isAdmin ? 'admin' : 'user',
        formatState(account),
        account.source,
        formatTime(account.createdAt),
      ])
      const text = formatTable(['NAME', 'ROLE', 'STATE', 'SOURCE', 'CREATED'], rows)
      printResult(context, { users: users.map(toJson) }, text)
      if (isRemote(context)) return
      const domains = loadWithoutDomain(context).frontDoor?.domains ?? []
      const hasDomain = domains.some((domain) => domain !== ANY_DOMAIN)
      if (!context.isJson && hasDomain) io.stderr.write(`${NOT_LISTED}\n`)
    })
}

/**
 * State of an account; marks one that can log in but push nowhere: its name can own nothing, or is that of a removed
 * account.
 */
function formatState({
  isDisabled,
  isAdmin,
  owns,
}: Pick<Account, 'isDisabled' | 'isAdmin' | 'owns'>): string {
  if (isDisabled) return 'disabled'
  return owns.length > 0 || isAdmin ? 'enabled' : 'enabled, owns no repositories'
}

function addSetDisabled(user: Command, io: Io, verb: 'disable' | 'enable'): void {
  const description =
    verb === 'disable' ? 'Lock an account: its log-ins end at once.' : 'Unlock a disabled account.'
  user
    .command(`${verb} <name>`)
    .description(description)
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      const isDisabled = verb === 'disable'
      await withAccounts(context, (accounts) => accounts.setDisabled(name, isDisabled))
      printResult(context, { user: { name, isDisabled } }, `User ${name} was ${verb}d`)
    })
}

function newPassword({ io, flags }: CommandContext, name: string): Promise<string> {
  const fromStdin = flags['password-stdin'] === true
  return askPassword(io, { question: `New password of ${name}`, fromStdin, isNew: true })
}

async function withAccounts<T>(
  context: CommandContext,
  act: (accounts: AccountManager) => Promise<T>,
  options: { takesNew?: boolean } = {},
): Promise<T> {
  await using data = await openDataOf(context, options)
  return await act(data.accounts)
}

/** The version is left out: it has no meaning outside. */
function toJson({
  name,
  owns,
  isAdmin,
  isDisabled,
  source,
  createdAt,
}: Omit<Account, 'id' | 'version'>): object {
  return { name, owns, isAdmin, isDisabled, source, createdAt: createdAt ?? null }
}
