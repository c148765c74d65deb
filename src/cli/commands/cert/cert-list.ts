import type { Command } from 'commander'
import type { ListedCertificate } from '../../../certificates/folder/certificate-store.ts'
import { repeatPlace } from '../../command-line/own-commands.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'
import { readRenewals, renewalsInWords, renewalToJson } from './cert-renewals.ts'
import { CERTS_HELP, readableFolders } from './cert-settings.ts'

const DAY_MS = 86_400_000
/** Names shown of one certificate; --json shows all. */
const MAX_NAMES = 3

const EXAMPLES = `
Examples:
  berth cert list                         all of the certificate folder, and what CAs issued to Berth
  berth cert list --certs ~/nginx/certs

Below the table: what CAs were asked for, with the next renewal, or what the CA said and the next attempt. The last
needs the data folder of the server (--data).`

/** `berth cert list`. */
export function addCertList(cert: Command, io: Io): void {
  cert
    .command('list')
    .description('List the certificates in the folder, their names, and what is wrong with them.')
    .option('--certs <DIR>', CERTS_HELP)
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const folders = await readableFolders(context)
      const [{ CertificateStore }, { searchedFolders }] = await Promise.all([
        import('../../../certificates/folder/certificate-store.ts'),
        import('../../../certificates/folder/certificate-folders.ts'),
      ])
      using store = await CertificateStore.open(searchedFolders(folders))
      const certificates = store.list()
      const now = Date.now()
      const rows = certificates.map((entry) => toRow(entry, now))
      const text =
        rows.length === 0
          ? `There are no certificates in ${searchedFolders(folders).folders.join(' and ')}`
          : formatTable(['NAME', 'HOSTS', 'ISSUER', 'EXPIRES', 'STATE', 'FILE'], rows)
      const renewals = await readRenewals(folders, store, { now, warn: context.warn })
      printResult(
        context,
        {
          certificates: certificates.map((entry) => toJson(entry, now)),
          renewals: renewals.map(renewalToJson),
        },
        repeatPlace(
          [text, ...formatNotes(certificates), ...renewalsInWords(renewals, now)].join('\n'),
          context.flags,
        ),
      )
    })
}

function toRow(entry: ListedCertificate, now: number): string[] {
  const { name, pair, certFile } = entry
  const names = listNames(entry)
  const more = names.length - MAX_NAMES
  return [
    name,
    `${names.slice(0, MAX_NAMES).join(' ')}${more > 0 ? ` +${more}` : ''}` || '-',
    pair?.issuer ?? '-',
    pair ? new Date(pair.notAfter).toISOString().slice(0, 10) : '-',
    formatState(entry, now),
    certFile,
  ]
}

function formatState({ pair, problem, isTest }: ListedCertificate, now: number): string {
  if (problem !== undefined) return 'not used'
  if (!pair) return 'not used'
  if (now >= pair.notAfter) return 'expired'
  if (now < pair.notBefore) return 'not valid yet'
  const days = Math.floor((pair.notAfter - now) / DAY_MS)
  return `${isTest ? 'test' : pair.isSelfSigned ? 'self-signed' : 'ok'}, ${days} days left`
}

/** Reasons why pairs are not used, listed below the table, as sentences are too long for it. */
function formatNotes(certificates: readonly ListedCertificate[]): string[] {
  const notes = certificates.flatMap(({ certFile, problem, remedy }) =>
    problem === undefined ? [] : [`${certFile} is not used: ${problem}.`, `  → ${remedy}.`],
  )
  return notes.length === 0 ? [] : ['', ...notes]
}

/** Never includes the key. */
function toJson(entry: ListedCertificate, now: number): object {
  const { name, certFile, keyFile, pair, problem, remedy, isTest } = entry
  return {
    name,
    certFile,
    keyFile,
    names: listNames(entry),
    issuer: pair?.issuer ?? null,
    fingerprint: pair?.fingerprint ?? null,
    notBefore: pair ? new Date(pair.notBefore).toISOString() : null,
    notAfter: pair ? new Date(pair.notAfter).toISOString() : null,
    state: formatState(entry, now),
    problem: problem ?? null,
    remedy: remedy ?? null,
    isTest,
    isSelfSigned: pair?.isSelfSigned ?? false,
  }
}

function listNames({ pair }: ListedCertificate): string[] {
  return pair ? [...pair.names.dns, ...pair.names.addresses] : []
}
