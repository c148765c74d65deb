import type { Command } from 'commander'
import type { Digest } from '../../../oci/digest.ts'
import { parseReference, type Reference } from '../../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'

/** Longest reason, in characters: it is shown in tables and errors. */
const MAX_REASON_LENGTH = 200
/** Pins shown at most. */
const MAX_PINS = 10_000

/** `berth tag pin`. */
export function addTagPin(tag: Command, io: Io): void {
  tag
    .command('pin <repository> <reference>')
    .description('Keep the manifest that a tag points at now, or that of a digest, until it is unpinned.')
    .option('--reason <TEXT>', 'shown wherever the pin keeps something')
    .action(async (repositoryText: string, text: string, options: { reason?: string }, command: Command) => {
      const context = createContext(command, io)
      const { repository, reference } = parseTarget(repositoryText, text)
      const { reason } = options
      if (reason !== undefined && reason.length > MAX_REASON_LENGTH) {
        throw new CliError('USAGE', `The reason is longer than ${MAX_REASON_LENGTH} characters`)
      }
      await using data = await openDataOf(context)
      const pin = await data.inUse.pin({ repository, reference, reason: reason || undefined })
      if (!pin) {
        if (!(await data.repositories.show(repository))) throw unknownRepository(repository)
        throw new CliError('TAG_UNKNOWN', `${repository} has no manifest ${reference}`, {
          remedy: `Run "berth tag list ${repository}" to see its tags; a deleted manifest has to be restored first`,
        })
      }
      printResult(
        context,
        { pin },
        `${pin.digest} of ${repository} is pinned${pin.tag === undefined ? '' : `; it stays so when the tag ${pin.tag} moves`}`,
      )
    })
}

/** `berth tag unpin`. */
export function addTagUnpin(tag: Command, io: Io): void {
  tag
    .command('unpin <repository> <reference>')
    .description('End the pin of a digest, or those made by a tag.')
    .action(async (repositoryText: string, text: string, _options, command: Command) => {
      const context = createContext(command, io)
      const { repository, reference } = parseTarget(repositoryText, text)
      await using data = await openDataOf(context)
      const digests = await data.inUse.unpin(repository, reference)
      if (digests.length === 0) {
        if (!(await data.repositories.show(repository))) throw unknownRepository(repository)
        throw new CliError('TAG_UNKNOWN', `${repository} has no pin of ${reference}`, {
          remedy: 'Run "berth tag pins" to see those there are',
        })
      }
      printResult(context, { unpinned: { repository, digests } }, describeUnpinned(repository, digests))
    })
}

/** `berth tag pins`. */
export function addTagPins(tag: Command, io: Io): void {
  tag
    .command('pins [repository]')
    .description('List the pins of a repository, or all.')
    .action(async (repositoryText: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const repository = repositoryText === undefined ? undefined : parseRepositoryName(repositoryText)
      await using data = await openDataOf(context)
      const pins = await data.inUse.listPins({ repository, limit: MAX_PINS + 1 })
      if (pins.length > MAX_PINS) {
        pins.length = MAX_PINS
        context.warn(`only the first ${MAX_PINS} are shown: name a repository`)
      }
      const rows = pins.map((pin) => [
        pin.repository,
        pin.digest,
        pin.tag ?? '-',
        formatTime(pin.at),
        pin.by ?? '-',
        pin.reason ?? '-',
      ])
      const headings = ['REPOSITORY', 'DIGEST', 'BY TAG', 'SINCE', 'BY', 'REASON']
      printResult(context, { pins }, formatTable(headings, rows))
    })
}

function parseTarget(
  repositoryText: string,
  text: string,
): { repository: RepositoryName; reference: Reference } {
  return { repository: parseRepositoryName(repositoryText), reference: parseReference(text) }
}

function describeUnpinned(repository: RepositoryName, digests: readonly Digest[]): string {
  const [first] = digests
  return digests.length === 1
    ? `${first} of ${repository} is no longer pinned`
    : `${digests.length} manifests of ${repository} are no longer pinned: ${digests.join(', ')}`
}
