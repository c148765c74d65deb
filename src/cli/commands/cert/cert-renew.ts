import type { Command } from 'commander'
import { repeatPlace } from '../../command-line/own-commands.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'

const EXAMPLES = `
Examples:
  berth cert renew                         all certificates that a CA issued to the running server
  berth cert renew registry.example.com    those with this name

Certificates are renewed in time by themselves. This is for after a key was lost, or to try a repaired set-up at once.
CAs count how often they are asked: Let's Encrypt issues five certificates a week for the same names.`

/** `berth cert renew`. */
export function addCertRenew(cert: Command, io: Io): void {
  cert
    .command('renew [names...]')
    .description('Have the running server renew certificates of a CA now.')
    .addHelpText('after', EXAMPLES)
    .action(async (names: string[], _options, command: Command) => {
      const context = createContext(command, io)
      const { requestRenewal } = await import('../../../app/certificates/renew-requests.ts')
      const config = loadWithoutDomain(context)
      const { requireDataFolder } = await import('../../../app/data/require-data.ts')
      await requireDataFolder(config.dataDir, { takesNew: false })
      if (io.isOutputTerminal && !context.isJson)
        io.stderr.write('The server asks the CA. That takes seconds, with DNS-01 minutes …\n')
      const certificates = await requestRenewal(config.dataDir, names)
      const lines = certificates.map(({ names: all, state, notAfter, problem }) =>
        problem === undefined
          ? `${all.join(', ')}: ${state}${notAfter === undefined ? '' : `, until ${notAfter.slice(0, 10)}`}`
          : `${all.join(', ')}: FAILED. ${problem}`,
      )
      printResult(context, { certificates }, repeatPlace(lines.join('\n'), context.flags))
      const failed = certificates.filter(({ problem }) => problem !== undefined)
      if (failed.length > 0) {
        throw new CliError(
          'RENEWAL_FAILED',
          `The CA issued nothing for ${failed.map(({ names: [name] }) => name).join(', ')}`,
        )
      }
    })
}
