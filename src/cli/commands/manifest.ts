import type { Command } from 'commander'
import type { OpenData } from '../../app/data/open-data.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { TagSummary } from '../../registry/repositories.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { findFreeing, formatFreeing } from '../context/freeing.ts'
import { openDataOf } from '../context/open-data.ts'
import { CliError } from '../errors/cli-error.ts'
import { unknownRepository } from '../errors/unknown-repository.ts'
import type { Io } from '../io.ts'
import { askConfirmation } from '../prompts/ask.ts'

/** Tags read at once. */
const PAGE_SIZE = 1_000
/** Tags named in a question. */
const MAX_NAMED = 20

const EXAMPLES = `
Examples:
  berth manifest delete alice/app@sha256:… --dry-run   the tags that would go with it
  berth manifest delete alice/app@sha256:… --yes`

/** `berth manifest …`. */
export function addManifestCommand(program: Command, io: Io): void {
  program
    .command('manifest')
    .description('Delete manifests by their digests.')
    .addHelpText('after', EXAMPLES)
    .command('delete <manifest>')
    .description('Delete a manifest (NAME@DIGEST) with all tags that point at it.')
    .option('--dry-run', 'list the tags, and delete nothing')
    .option('--yes', 'do not ask')
    .action(async (text: string, _options, command: Command) => {
      const context = createContext(command, io)
      const { repository, digest } = parseName(text)
      await using data = await openDataOf(context)
      const tags = await findTags(data, repository, digest)
      requireRemovable(await data.repositories.checkManifestDeletion(repository, digest), {
        repository,
        digest,
      })
      const freeing = findFreeing(
        context,
        await data.repositories.sizeRemoval({ repository, manifest: digest }),
      )
      const names = tags.map(({ name }) => name)
      const value = { repository, digest, tags: names, freeing }
      if (context.flags['dry-run'] === true) {
        return printResult(context, { manifest: value }, `${formatTags(names)}\n${formatFreeing(freeing)}`)
      }
      await askConfirmation(io, `Delete ${text}? ${formatTags(names)}.`, context.flags.yes === true)
      requireRemovable(await data.repositories.deleteManifest(repository, digest), { repository, digest })
      printResult(
        context,
        { manifest: value },
        `${text} was deleted. ${formatTags(names)}. ${formatFreeing(freeing)}`,
      )
    })
}

/** Errors: `MANIFEST_UNKNOWN`, `MANIFEST_IN_USE`. */
function requireRemovable(
  outcome: 'removed' | 'removable' | 'unknown' | 'in-use',
  { repository, digest }: { repository: RepositoryName; digest: Digest },
): void {
  if (outcome === 'unknown') {
    throw new CliError('MANIFEST_UNKNOWN', `There is no manifest ${repository}@${digest}`, {
      remedy: `Run "berth tag list ${repository}" to see digests; a deleted manifest is in "berth trash list"`,
    })
  }
  if (outcome === 'in-use') {
    throw new CliError('MANIFEST_IN_USE', `An index of ${repository} names ${digest}`)
  }
}

function parseName(text: string): { repository: RepositoryName; digest: Digest } {
  const [name = '', digest = ''] = text.split('@', 2)
  if (isDigest(digest)) return { repository: parseRepositoryName(name), digest }
  throw new CliError('USAGE', `${text} is no name of a manifest`, {
    remedy: 'Name it as NAME@DIGEST; "berth tag list NAME" shows digests',
  })
}

/** Errors: `REPOSITORY_UNKNOWN`. */
async function findTags(data: OpenData, repository: RepositoryName, digest: Digest): Promise<TagSummary[]> {
  const found: TagSummary[] = []
  let last: string | undefined
  do {
    const page = await data.repositories.listTags(repository, {
      limit: PAGE_SIZE,
      ...(last === undefined ? {} : { last }),
    })
    if (!page) throw unknownRepository(repository)
    found.push(...page.filter((tag) => tag.digest === digest))
    last = page.length === PAGE_SIZE ? page.at(-1)?.name : undefined
  } while (last !== undefined)
  return found
}

function formatTags(names: readonly string[]): string {
  if (names.length === 0) return 'No tag points at it'
  const more = names.length > MAX_NAMED ? `, and ${names.length - MAX_NAMED} more` : ''
  return `Tags that go with it: ${names.slice(0, MAX_NAMED).join(', ')}${more}`
}
