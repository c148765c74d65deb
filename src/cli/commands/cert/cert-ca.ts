import type { Command } from 'commander'
import { createContext, printResult } from '../../context/command-context.ts'
import { addNewFlag, mayMake } from '../../context/new-flag.ts'
import type { Io } from '../../io.ts'
import { writableSettings } from './cert-settings.ts'

const HELP = `
Berth's own CA signs for names that no public CA signs for (*.local, *.internal, *.test, localhost, private addresses),
and by its constraints for nothing else. A server with a domain makes it at its first start; --new makes it before that.
Its key never leaves the data folder.

To trust it:
  Docker          mkdir -p /etc/docker/certs.d/registry.local                     (with the port, if it is not 443)
                  berth cert ca > /etc/docker/certs.d/registry.local/ca.crt
  Debian, Ubuntu  berth cert ca > /usr/local/share/ca-certificates/berth.crt; update-ca-certificates
  Fedora, RHEL    berth cert ca > /etc/pki/ca-trust/source/anchors/berth.crt; update-ca-trust
  Elsewhere       berth cert ca > berth.crt, to be copied; then
  macOS           security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain berth.crt
  Windows         certutil -addstore Root berth.crt
  Firefox         Settings, Certificates, Authorities, Import`

/** `berth cert ca`. */
export function addCertCa(cert: Command, io: Io): void {
  addNewFlag(cert.command('ca'), 'the CA')
    .description("Print the certificate of Berth's own CA, for clients to trust.")
    .option('--name <NAME...>', 'names without a dot that it may sign; only with the --new that makes it')
    .addHelpText('after', HELP)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { LocalAuthority } = await import('../../../certificates/own-ca/local-ca.ts')
      const { folders } = await writableSettings(context, { isAuthority: true })
      const names = Array.isArray(context.flags.name) ? context.flags.name.map(String) : []
      const authority = await LocalAuthority.open({
        folder: folders.authority,
        names,
        mayMake: mayMake(context),
      })
      const unsigned = names.filter((name) => !authority.covers(name))
      if (unsigned.length > 0)
        context.warn(
          `Berth's own CA does not sign for ${unsigned.join(', ')}: only local names can be given, and only when it is made. For a new one, which clients have to be given anew, move ${folders.authority} away`,
        )
      const { certificatePem: certificate, fingerprint, notAfter } = authority
      const expires = new Date(notAfter).toISOString()
      printResult(context, { certificate, fingerprint, notAfter: expires }, certificate.trimEnd())
      if (io.isOutputTerminal && !context.isJson) {
        io.stderr.write(
          `SHA-256 ${fingerprint}, until ${expires.slice(0, 10)}. How to trust it: berth cert ca --help\n`,
        )
      }
    })
}
