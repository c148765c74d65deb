import type { Command } from 'commander'
import { parseDigest } from '../../../oci/digest.ts'
import { parseTag, type Tag } from '../../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'

/** Periods shown at most: the latest ones. */
const MAX_PERIODS = 500

/** `berth tag history`. */
export function addTagHistory(tag: Command, io: Io): void {
  tag
    .command('history <repository> [tag]')
    .description('Show the manifests that a tag, or each tag, pointed at, since when, and who set them.')
    .action(async (repositoryText: string, tagText: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const repository = parseRepositoryName(repositoryText)
      const name = tagText === undefined ? undefined : parseTag(tagText)
      await using data = await openDataOf(context)
      const periods = await data.repositories.listTagPeriods(repository, {
        tag: name,
        limit: MAX_PERIODS + 1,
      })
      if (!periods) throw unknownRepository(repository)
      if (name !== undefined && periods.length === 0) {
        throw unknownHistory(repository, name)
      }
      if (periods.length > MAX_PERIODS) {
        periods.length = MAX_PERIODS
        context.warn(`only the latest ${MAX_PERIODS} are shown`)
      }
      const rows = periods.map(({ name: tagName, digest, from, by, end }) => [
        tagName,
        digest,
        formatTime(from),
        by ?? '-',
        end ? formatTime(end.at) : 'now',
        end ? end.how : '-',
        end?.by ?? '-',
      ])
      const headings = ['TAG', 'DIGEST', 'FROM', 'BY', 'TO', 'ENDED', 'BY']
      printResult(context, { periods }, formatTable(headings, rows))
    })
}

function unknownHistory(repository: RepositoryName, tag: Tag): CliError {
  return new CliError('TAG_UNKNOWN', `${repository} has no history of a tag ${tag}`, {
    remedy: `Run "berth tag list ${repository}" to see its tags`,
  })
}

/** `berth tag restore`. */
export function addTagRestore(tag: Command, io: Io): void {
  tag
    .command('restore <repository> <tag> [digest]')
    .description('Point a tag at the manifest it had before, or at an earlier one of its history.')
    .action(
      async (
        repositoryText: string,
        tagText: string,
        digestText: string | undefined,
        _options,
        command: Command,
      ) => {
        const context = createContext(command, io)
        const repository = parseRepositoryName(repositoryText)
        const name = parseTag(tagText)
        const digest = digestText === undefined ? undefined : parseDigest(digestText)
        await using data = await openDataOf(context)
        const restored = await data.repositories.restoreTag({ repository, tag: name, digest })
        const remedy = `Run "berth tag history ${repository} ${name}" to see at what it has pointed`
        if (restored === 'unknown') {
          const periods = await data.repositories.listTagPeriods(repository, { tag: name, limit: 1 })
          if (!periods) throw unknownRepository(repository)
          if (periods.length === 0) throw unknownHistory(repository, name)
          const fault =
            digest === undefined
              ? `${name} of ${repository} has pointed at no other manifest before`
              : `${name} of ${repository} has never pointed at ${digest}`
          throw new CliError('TAG_UNKNOWN', fault, { remedy })
        }
        if (restored === 'gone') {
          throw new CliError('CONTENT_GONE', `The earlier manifest of ${name} was removed for good`, {
            remedy: `${remedy}; what is kept is kept for the days of the setting keep-days`,
          })
        }
        printResult(
          context,
          { tag: { repository, name, digest: restored.digest } },
          `${name} of ${repository} points at ${restored.digest} again`,
        )
      },
    )
}
