import type { Command } from 'commander'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import type { TagAt } from '../../../registry/repositories.ts'
import { parsePastTime } from '../../command-line/parse-time.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { printPages } from '../../context/pages.ts'
import { readTagsAt } from '../../context/tags-at.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatPairs, formatTime } from '../../output/table.ts'

/** `berth repo show`. */
export function addRepoShow(repo: Command, io: Io): void {
  repo
    .command('show <name>')
    .description('Show one repository, or all its tags as they stood at a time.')
    .option('--at <time>', 'list the tags of that time, such as 2026-11-28T03:00Z or "2h ago"')
    .action(async (text: string, options: { at?: string }, command: Command) => {
      const context = createContext(command, io)
      const name = parseRepositoryName(text)
      if (options.at !== undefined) await showTagsAt(context, name, parsePastTime(options.at))
      else await showNow(context, name)
    })
}

async function showNow(context: CommandContext, name: RepositoryName): Promise<void> {
  await using data = await openDataOf(context)
  const found = await data.repositories.show(name)
  if (!found) throw unknownRepository(name)
  const pairs: [string, string][] = [
    ['name', found.name],
    ['tags', String(found.tagCount)],
    ['manifests', String(found.manifestCount)],
    ['size', formatBytes(found.sizeBytes)],
    ['only here', formatBytes(found.uniqueBytes)],
    ['shared', formatBytes(found.sizeBytes - found.uniqueBytes)],
    ['untagged', formatBytes(found.untaggedBytes)],
    ['in no image', formatBytes(found.unnamedBytes)],
    ['in the trash', formatBytes(found.trashBytes)],
    ['uploads', `${found.uploadCount}, ${formatBytes(found.uploadBytes)}`],
    ['created', formatTime(found.createdAt)],
    ['pushed', formatTime(found.updatedAt)],
    ['used', formatTime(found.usedAt)],
  ]
  printResult(context, { repository: found }, formatPairs(pairs))
}

async function showTagsAt(context: CommandContext, name: RepositoryName, at: Date): Promise<void> {
  await using data = await openDataOf(context)
  let isFirst = true
  await printPages<TagAt>(context, {
    member: 'tags',
    headings: ['TAG', 'DIGEST', 'FROM', 'BY', 'TO', 'IMAGE'],
    toRow: ({ name: tag, digest, from, by, until, content }) => [
      tag,
      digest,
      formatTime(from),
      by ?? '-',
      until ? formatTime(until) : 'now',
      content,
    ],
    async fetchPage({ limit, last }) {
      const { tags, deletedAt } = await readTagsAt(data, name, { at, limit, last })
      if (isFirst && deletedAt) {
        context.warn(
          `${name} was deleted at ${formatTime(deletedAt)}: "berth trash restore ${name}" restores it`,
        )
      }
      isFirst = false
      return tags
    },
  })
}
