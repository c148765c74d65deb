import { type Command, Option } from 'commander'
import type { OwnedRepositories } from '../../../accounts/accounts.ts'
import type { OpenData } from '../../../app/data/open-data.ts'
import type { RepositorySummary } from '../../../registry/repositories.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf, requireDataOf } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { askConfirmation } from '../../prompts/ask.ts'

/** Repositories deleted in one go. */
const PAGE = 100

/** `berth user remove`. */
export function addRemove(user: Command, io: Io): void {
  user
    .command('remove <name>')
    .description(
      'Remove an account. Its repositories stay, without an owner, unless a flag deletes them or gives them away.',
    )
    .option('--yes', 'do not ask')
    .addOption(new Option('--with-repositories', 'delete its repositories, too').conflicts('giveTo'))
    .option('--give-to <name>', 'let this account own its repositories; their names stay as they are')
    .action(async (name: string, _options, command: Command) => {
      const context = createContext(command, io)
      await requireDataOf(context)
      const isConfirmed = context.flags.yes === true
      const giveTo = context.flags['give-to'] as string | undefined
      const isDeleting = context.flags['with-repositories'] === true
      await using data = await openDataOf(context)
      // Without a terminal it is refused before anything is looked up.
      const owned = io.isInteractive && !isConfirmed ? await data.accounts.findRepositories(name) : NONE
      const fate = describeFate(owned, { giveTo, isDeleting })
      await askConfirmation(io, `Remove the account ${name}?${fate.replace(/^\./, '')}`, isConfirmed)
      // Before the first one goes: a half of them, without their owner, is of use to nobody.
      if (isDeleting) await requireDeletable(data, await data.accounts.findRepositories(name))
      const left = await data.accounts.remove(name, { giveTo })
      if (isDeleting) await deleteRepositories(data, left)
      const text = `User ${name} was removed${describeFate(left, { giveTo, isDeleting })}`
      const repositories = { ...left, now: nowOf({ giveTo, isDeleting }) }
      printResult(context, { user: { name }, repositories }, text)
    })
}

const NONE: OwnedRepositories = { count: 0, owners: [], names: [] }

interface Choice {
  readonly giveTo: string | undefined
  readonly isDeleting: boolean
}

function nowOf({ giveTo, isDeleting }: Choice): 'deleted' | 'given' | 'kept' {
  if (isDeleting) return 'deleted'
  return giveTo === undefined ? 'kept' : 'given'
}

/** Fate of the repositories, as an addition to a sentence; empty without any. */
function describeFate({ count, names }: OwnedRepositories, choice: Choice): string {
  if (count === 0) return ''
  const fates = {
    deleted: 'deleted with it',
    given: `owned by ${choice.giveTo}`,
    kept: 'kept, and nobody owns them (--with-repositories deletes them, --give-to NAME gives them to an account)',
  }
  const which = names.join(', ') + (count > names.length ? ', …' : '')
  return `. ${count === 1 ? 'Its repository is' : `Its ${count} repositories are`} ${fates[nowOf(choice)]}: ${which}`
}

/** Errors: `OciError` `DENIED` if one of them has immutable tags or pinned manifests. */
async function requireDeletable({ repositories }: OpenData, { owners }: OwnedRepositories): Promise<void> {
  for (const owner of owners) {
    let after: RepositorySummary | undefined
    do {
      const page = await repositories.list({ limit: PAGE, within: owner, after })
      for (const { name } of below(owner, page)) await repositories.requireDeletable(name)
      after = page.length < PAGE ? undefined : page.at(-1)
    } while (after)
  }
}

function below(owner: string, page: readonly RepositorySummary[]): readonly RepositorySummary[] {
  return page.filter(({ name }) => name.startsWith(`${owner}/`))
}

/**
 * Deletes them page by page. Only an administrator can still push there; the next page includes such repositories. Errors:
 * as of `requireDeletable()`, if one was protected since.
 */
async function deleteRepositories(
  { accounts, repositories }: OpenData,
  { owners }: OwnedRepositories,
): Promise<void> {
  for (const owner of owners) {
    for (;;) {
      const page = await repositories.list({ limit: PAGE, within: owner })
      for (const { name } of below(owner, page)) await repositories.delete(name)
      if (page.length < PAGE) break
    }
  }
  await accounts.releaseNames(owners)
}
