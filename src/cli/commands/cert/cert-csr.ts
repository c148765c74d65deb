import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { CertificateKeyType } from '../../../certificates/x509/write/certificate-request.ts'
import type { CsrRequest } from '../../../certificates/x509/write/csr.ts'
import type { CsrLine } from '../../../certificates/x509/write/csr-line.ts'
import type { Subject, SubjectAttribute } from '../../../certificates/x509/write/distinguished-name.ts'
import { KEY_TYPES } from '../../../config/front-door.ts'
import { quoteWord } from '../../command-line/openssl-line.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'

const EXAMPLES = `
Examples:
  berth cert csr registry.example.com
  berth cert csr example.com www.example.com '*.apps.example.com' --key ec-256
  berth cert csr registry.example.com --organization 'Example Inc' --country US
  berth cert csr openssl req -new -newkey rsa:2048 -nodes -out www_example_com.csr -keyout … -subj "/C=US/…"

The last form is the line of a CA's page, pasted as it is or in quotes: it is read, not run, and the host also becomes an
alternative name, which such lines leave out and Docker insists on.
Send the .csr file to the CA. The .key file stays here: "berth cert install" needs it. It is never overwritten.`

/** Flags for parts of the subject. */
const SUBJECT_FLAGS: readonly (readonly [flag: string, attribute: SubjectAttribute, help: string])[] = [
  ['country', 'C', 'country, two letters'],
  ['state', 'ST', 'state or province'],
  ['city', 'L', 'city'],
  ['organization', 'O', 'organization'],
  ['unit', 'OU', 'department; public CAs no longer keep it'],
]

/** `berth cert csr`. */
export function addCertCsr(cert: Command, io: Io): void {
  const csr = cert
    .command('csr [names...]')
    .description('Make a private key and a certificate request (CSR) for a CA, in one step.')
    .option('--from <LINE>', "the openssl line of a CA's page")
    .addOption(new Option('--key <TYPE>', 'kind of key').choices(KEY_TYPES).default('rsa-2048'))
    .option('--out <DIR>', 'folder for the files, or - to print them', '.')
    .addHelpText('after', EXAMPLES)
  for (const [flag, , help] of SUBJECT_FLAGS) csr.option(`--${flag} <TEXT>`, help)
  csr.action(async (names: string[], _options, command: Command) => {
    await makeRequest(createContext(command, io), names)
  })
}

async function makeRequest(context: CommandContext, names: readonly string[]): Promise<void> {
  const { makeCsr, toFileStem, writeCsr } = await import('../../../certificates/x509/write/csr.ts')
  const request = await readRequest(context, names)
  const csr = await makeCsr(request)
  const out = String(context.flags.out)
  if (out === '-') {
    printResult(context, csr, `${csr.csrPem}${csr.keyPem}`.trimEnd())
    return
  }
  const stem = toFileStem(csr.names[0] ?? '')
  const folder = resolve(context.io.cwd, out)
  const csrFile = resolve(folder, request.csrFile ?? `${stem}.csr`)
  const keyFile = resolve(folder, request.keyFile ?? `${stem}.key`)
  await writeCsr(csr, { csrFile, keyFile })
  printResult(
    context,
    { names: csr.names, csrFile, keyFile, csr: csr.csrPem },
    [
      `CSR for ${csr.names.join(', ')}: ${csrFile}`,
      `Its private key, which stays here: ${keyFile}`,
      `Send the CSR to the CA. With what it mails: berth cert install ${quoteWord(csr.names[0] ?? '')} FILES… ${quoteWord(keyFile)}`,
    ].join('\n'),
  )
}

/** Names from the arguments, or from the openssl line of a CA's page in their place. */
async function readRequest(
  { flags }: CommandContext,
  names: readonly string[],
): Promise<CsrRequest & Partial<Pick<CsrLine, 'csrFile' | 'keyFile'>>> {
  const { isCsrLine, parseCsrLine } = await import('../../../certificates/x509/write/csr-line.ts')
  const [first = ''] = names
  const line = typeof flags.from === 'string' ? flags.from : isCsrLine(first) ? first : undefined
  if (line !== undefined) {
    const more = flags.from === undefined ? names.slice(1) : names
    const request = parseCsrLine(line)
    return { ...request, names: [...request.names, ...more] }
  }
  if (names.length === 0) throw new CliError('USAGE', 'A certificate needs the name of its host')
  const subject: Subject = SUBJECT_FLAGS.flatMap(([flag, attribute]) => {
    const value = flags[flag]
    return typeof value === 'string' ? [[attribute, value] as const] : []
  })
  return { names, subject, keyType: flags.key as CertificateKeyType }
}
