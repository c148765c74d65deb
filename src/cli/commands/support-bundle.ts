import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Command } from 'commander'
import { readVersion } from '../../app/product.ts'
import type { BundlePart } from '../../app/support/support-bundle.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { loadLoosely } from '../context/load-without-domain.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'
import { formatBytes } from '../output/table.ts'
import { writeOut } from '../process/write-out.ts'

const EXAMPLES = `
Examples:
  berth support-bundle                       ./berth-support-TIME.txt
  berth support-bundle fault.txt --no-names
  berth support-bundle - | less              to standard output, and nothing else with it

One text file for whoever helps you: versions, settings with secrets masked, the findings of "berth doctor", the figures
of "berth status", the entries of the data folder, and the last lines of the log of the running server. It has no password, no key
and no content of images. With --no-names the names of repositories, accounts and hosts and the addresses of clients
are replaced by pseudonyms, each name by the same one. Read it before you send it: error messages may quote what
clients sent. Nothing is sent by Berth.`

/** Names of a file that mean standard output. */
const STANDARD_OUTPUT: ReadonlySet<string> = new Set(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'])

/** `berth support-bundle`. */
export function addSupportBundleCommand(program: Command, io: Io): void {
  program
    .command('support-bundle [file]')
    .description(
      'Write versions, settings, findings, figures and the last lines of the log to one text file.',
    )
    .option('--no-names', 'replace names of repositories, accounts, hosts and clients by pseudonyms')
    .addHelpText('after', EXAMPLES)
    .action(async (given: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const now = new Date()
      const file = STANDARD_OUTPUT.has(given ?? '')
        ? undefined
        : path.resolve(io.cwd, given ?? `berth-support-${formatStamp(now)}.txt`)
      const loaded = loadLoosely(context)
      const { gatherBundle } = await import('../../app/support/support-bundle.ts')
      const hasNames = context.flags.names !== false
      const parts = await gatherBundle({ loaded, version: readVersion(), hasNames })
      const text = formatBundle(parts, now)
      if (file === undefined) return await writeOut(io, text)
      await writeNew(file, text)
      const bytes = Buffer.byteLength(text)
      const titles = parts.map(({ title }) => `  ${title}`).join('\n')
      printResult(
        context,
        { file, bytes, names: hasNames, parts: parts.map(({ title }) => title) },
        `${file}, ${formatBytes(bytes)}${hasNames ? '' : ', without names'}:\n${titles}\nRead it before you send it.`,
      )
    })
}

function formatBundle(parts: readonly BundlePart[], now: Date): string {
  const head = `Support bundle of Berth, made ${now.toISOString()}. Read it before you send it.`
  return [head, ...parts.map(({ title, text }) => `==== ${title} ====\n\n${text}`)].join('\n\n').concat('\n')
}

/** `20261128-140506`, in UTC. */
function formatStamp(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') throw new CliError('FILE_EXISTS', `${file} is there already`)
    // A part of it, as a full disk leaves one, is of no use.
    if (code === 'ENOSPC' || code === 'EIO') await rm(file, { force: true })
    throw new CliError('FILE_UNWRITABLE', `${file} cannot be written: ${String(code ?? error)}`)
  }
}
