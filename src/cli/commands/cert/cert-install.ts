import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { PreparedInstall } from '../../../certificates/install/prepare-install.ts'
import type { MailedContent, MailedFile } from '../../../certificates/x509/mailed-files.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { addNewFlag } from '../../context/new-flag.ts'
import type { Io } from '../../io.ts'
import { askPassword, askYesNo } from '../../prompts/ask.ts'
import { CERTS_HELP, formatFindings, writableSettings } from './cert-settings.ts'

const EXAMPLES = `
Examples:
  berth cert install registry.example.com mail/*.crt registry_example_com.key
  berth cert install registry.example.com bundle.p7b registry_example_com.key --certs ~/nginx/certs
  berth cert install registry.example.com registry.crt --fetch-missing

Files may be of any form and in any order: PEM, DER, PKCS #7, keys in PKCS #8, PKCS #1 or SEC 1, the root included.
The key is looked for in the folder of certificates and in this one, too. The bundle is ordered as servers send it,
checked as Docker will check it, and put in place at once; what was there before is kept in a hidden folder.`

/** `berth cert install`. */
export function addCertInstall(cert: Command, io: Io): void {
  addNewFlag(cert.command('install <host> <files...>'), 'the data folder')
    .description(
      'Install certificate files as a CA delivers them: finds certificate, chain and key, in any order, and names what is missing.',
    )
    .option('--certs <DIR>', CERTS_HELP)
    .option('--fetch-missing', "fetch a missing intermediate certificate from the CA's address")
    .option('--passphrase-stdin', 'take the passphrase of the key from standard input')
    .option('--force', 'install it even if clients will refuse it')
    .addHelpText('after', EXAMPLES)
    .action(async (host: string, files: string[], _options, command: Command) => {
      await install(createContext(command, io), host, files)
    })
}

async function install(context: CommandContext, name: string, files: readonly string[]): Promise<void> {
  const [{ checkHostName }, { prepareInstall }, { installPair, toPairName }, { readSystemRoots }] =
    await Promise.all([
      import('../../../certificates/x509/write/csr.ts'),
      import('../../../certificates/install/prepare-install.ts'),
      import('../../../certificates/install/install-pair.ts'),
      import('../../../certificates/check/trusted-roots.ts'),
    ])
  const { io, flags } = context
  const host = checkHostName(name)
  const { folders } = await writableSettings(context)
  const content = await readContent(context, host, { files, folder: folders.installed })
  const prepared = await prepareInstall({
    content,
    host,
    roots: readSystemRoots(),
    now: Date.now(),
    isForced: flags.force === true,
    mayFetch: async (issuer, urls) =>
      flags['fetch-missing'] === true ||
      (io.isInteractive &&
        (await askYesNo(io, `The certificate of ${issuer} is missing. Fetch it from ${urls[0]}?`))),
  })
  const installed = await installPair(folders.installed, toPairName(host), prepared)
  const { findings, mended, fetched, bundle } = prepared
  const certificates = bundle.chain.map(({ subject }) => subject)
  printResult(
    context,
    { host, ...installed, certificates, fetched, mended, findings },
    inWords(prepared, installed.certFile),
  )
}

/** Content of the files; keys also from their usual places, if none of the files fits. */
async function readContent(
  context: CommandContext,
  host: string,
  { files, folder }: { files: readonly string[]; folder: string },
): Promise<MailedContent> {
  const [{ readMailedFiles }, { readCertificateFiles }, { toFileStem }, { toPairName }, { hasKey }] =
    await Promise.all([
      import('../../../certificates/x509/mailed-files.ts'),
      import('../../../certificates/folder/read-certificate-files.ts'),
      import('../../../certificates/x509/write/csr.ts'),
      import('../../../certificates/install/install-pair.ts'),
      import('../../../certificates/x509/x509-facts.ts'),
    ])
  const { cwd } = context.io
  const given = await readCertificateFiles(files.map((file) => resolve(cwd, file)))
  const content = await decrypt(context, given, readMailedFiles)
  const isFitting = content.keys.some((key) =>
    content.certificates.some(({ value }) => !value.ca && hasKey(value, key.value)),
  )
  if (isFitting) return content
  const usual = [resolve(cwd, `${toFileStem(host)}.key`), join(folder, `${toPairName(host)}.key`)]
  const more = await Promise.all(usual.map((path) => readFile(path).catch(() => undefined)))
  const found = usual.flatMap((path, index) => {
    const bytes = more[index]
    return bytes ? [{ name: path, bytes }] : []
  })
  return found.length === 0 ? content : await decrypt(context, [...given, ...found], readMailedFiles)
}

async function decrypt(
  { io, flags }: CommandContext,
  files: readonly MailedFile[],
  read: (files: readonly MailedFile[], passphrase?: string) => MailedContent,
): Promise<MailedContent> {
  const content = read(files)
  const fromStdin = flags['passphrase-stdin'] === true
  if (content.encryptedKeys.length === 0 || !(fromStdin || io.isInteractive)) return content
  const question = `Passphrase of the key in ${content.encryptedKeys[0]}`
  return read(files, await askPassword(io, { question, fromStdin, isNew: false }))
}

function inWords({ bundle, findings, mended, fetched }: PreparedInstall, certFile: string): string {
  const chain = bundle.chain.map(({ subject }) => `  ${subject.replaceAll('\n', ', ')}`)
  return [
    `Installed as ${certFile}, valid until ${bundle.leaf.validToDate.toISOString().slice(0, 10)}:`,
    ...chain,
    ...fetched.map((name) => `Fetched: ${name}`),
    ...mended.map(({ sentence }) => `Put right: ${sentence}`),
    ...(findings.length > 0 ? [formatFindings(findings)] : []),
    'A running server takes it within two seconds.',
  ].join('\n')
}
