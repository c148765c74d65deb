import type { Command } from 'commander'
import { createContext, printResult } from '../context/command-context.ts'
import { readAuthority } from '../context/read-authority.ts'
import { parseServerUrl, storeLogin } from '../context/stored-logins.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'
import { askPassword } from '../prompts/ask.ts'

const EXAMPLES = `
Examples:
  berth login https://registry.example.com --username admin
  berth repo list --server https://registry.example.com
  berth login https://registry.example.com --forget`

/** `berth login`. */
export function addLoginCommand(program: Command, io: Io): void {
  program
    .command('login <url>')
    .description('Store the account with which commands with --server manage a server elsewhere.')
    .option('--username <NAME>', 'account at that server')
    .option('--password-stdin', 'take its password from standard input')
    .option('--ca <FILE>', 'trust this certificate authority (PEM) instead of those of the system')
    .option('--forget', 'remove what is stored for that server')
    .addHelpText('after', EXAMPLES)
    .action(async (text: string, _options, command: Command) => {
      const context = createContext(command, io)
      const url = parseServerUrl(text)
      const { flags } = context
      if (flags.forget === true) {
        await storeLogin(io, url, undefined)
        return printResult(context, { login: null }, `Nothing is stored for ${url}`)
      }
      if (typeof flags.username !== 'string') throw new CliError('USAGE', 'Name the account with --username')
      const { username } = flags
      const fromStdin = flags['password-stdin'] === true
      const password = await askPassword(io, { question: `Password of ${username}`, fromStdin, isNew: false })
      const ca = typeof flags.ca === 'string' ? await readAuthority(flags.ca) : undefined
      const login = { username, password, ...(ca !== undefined && { ca }) }
      const { createAdminClient } = await import('../../client/admin/admin-client.ts')
      await createAdminClient({ url, ...login }).get('/me')
      const file = await storeLogin(io, url, login)
      printResult(
        context,
        { login: { url, username } },
        `${username} is logged in at ${url}; the password is in ${file}`,
      )
    })
}
