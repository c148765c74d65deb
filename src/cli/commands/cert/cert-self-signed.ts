import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { PairText } from '../../../certificates/x509/pair.ts'
import type { CertificateKeyType } from '../../../certificates/x509/write/certificate-request.ts'
import { KEY_TYPES } from '../../../config/front-door.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { addNewFlag, mayMake } from '../../context/new-flag.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { CERTS_HELP, writableSettings } from './cert-settings.ts'

const DEFAULT_DAYS = 397

const EXAMPLES = `
Examples:
  berth cert self-signed --ca registry.local     signed by Berth's own CA, which clients trust once
  berth cert self-signed registry.example.com    signed by itself: each client must be given this one
  berth cert self-signed 192.168.1.10 --out .    write the files here, install nothing

Docker trusts it after: cp FILE.crt /etc/docker/certs.d/<host>[:port]/ca.crt on each client (with --ca: the CA's).`

/** `berth cert self-signed`. */
export function addCertSelfSigned(cert: Command, io: Io): void {
  addNewFlag(cert.command('self-signed <names...>'), 'the data folder, or with --ca the CA')
    .description('Make and install a certificate without a public CA, for tests and local names.')
    .option('--ca', "let Berth's own CA sign it: for local names and private addresses")
    .addOption(new Option('--key <TYPE>', 'kind of key').choices(KEY_TYPES).default('ec-256'))
    .option('--days <N>', 'days for which it is valid, at most 397', String(DEFAULT_DAYS))
    .option('--certs <DIR>', CERTS_HELP)
    .option(
      '--out <DIR>',
      'folder to write <host>.crt and <host>.key into, instead of installing them; - prints them',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (names: string[], _options, command: Command) => {
      const context = createContext(command, io)
      const pair = await makePair(context, names)
      await putAway(context, names[0] ?? '', pair)
    })
}

async function makePair(context: CommandContext, names: readonly string[]): Promise<PairText> {
  const { makeSelfSigned } = await import('../../../certificates/x509/write/self-signed.ts')
  const { flags } = context
  const days = Number(flags.days)
  if (!Number.isInteger(days) || days < 1 || days > DEFAULT_DAYS) {
    throw new CliError('USAGE', `--days is a whole number from 1 to ${DEFAULT_DAYS}`)
  }
  if (flags.ca !== true) {
    return await makeSelfSigned({ names, keyType: flags.key as CertificateKeyType, days, now: Date.now() })
  }
  const [{ LocalAuthority }, { makeCertificateKey }, { createPrivateKey }] = await Promise.all([
    import('../../../certificates/own-ca/local-ca.ts'),
    import('../../../certificates/x509/write/certificate-request.ts'),
    import('node:crypto'),
  ])
  const { folders } = await writableSettings(context, { isAuthority: true })
  const authority = await LocalAuthority.open({ folder: folders.authority, mayMake: mayMake(context) })
  const key = createPrivateKey(await makeCertificateKey(flags.key as CertificateKeyType))
  return authority.issue(names, { days, key })
}

async function putAway(context: CommandContext, name: string, pair: PairText): Promise<void> {
  const [{ checkHostName, refuseExisting, writeNew }, { installPair, toPairName }] = await Promise.all([
    import('../../../certificates/x509/write/csr.ts'),
    import('../../../certificates/install/install-pair.ts'),
  ])
  const host = checkHostName(name)
  const { out } = context.flags
  if (out === '-') {
    printResult(context, pair, `${pair.chainPem}${pair.keyPem}`.trimEnd())
    return
  }
  if (typeof out !== 'string') {
    const { folders } = await writableSettings(context)
    const installed = await installPair(folders.installed, toPairName(host), pair)
    printResult(context, { host, ...installed }, `Installed as ${installed.certFile}`)
    return
  }
  const [certFile = '', keyFile = ''] = ['crt', 'key'].map((ending) =>
    resolve(context.io.cwd, out, `${toPairName(host)}.${ending}`),
  )
  for (const file of [certFile, keyFile]) await refuseExisting(file)
  await writeNew(keyFile, pair.keyPem, 0o600)
  await writeNew(certFile, pair.chainPem, 0o644)
  printResult(context, { host, certFile, keyFile }, `Written to ${certFile} and ${keyFile}`)
}
