import type { OpenData } from '../../app/data/open-data.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { TagAt } from '../../registry/repositories.ts'
import { CliError } from '../errors/cli-error.ts'

/**
 * A page of tags as they stood at a time. Errors: `REPOSITORY_UNKNOWN` if no repository of the name is known of that time,
 * `HISTORY_FORGOTTEN` if the time is before the one from which on its tags are known.
 */
export async function readTagsAt(
  data: OpenData,
  name: RepositoryName,
  selection: { at: Date; limit: number; last?: string | undefined },
): Promise<{ tags: readonly TagAt[]; deletedAt: Date | undefined }> {
  const page = await data.repositories.listTagsAt(name, selection)
  const at = selection.at.toISOString()
  if (!page) {
    throw new CliError('REPOSITORY_UNKNOWN', `No repository ${name} is known that there was at ${at}`, {
      remedy: 'Run "berth repo list" and "berth trash list" for those there are',
    })
  }
  if (page.knownFrom === undefined) return page
  throw new CliError('HISTORY_FORGOTTEN', `The tags of ${name} at ${at} are no longer known`, {
    remedy: `Give ${page.knownFrom.toISOString()} or a later time; the setting keep-days says for how long they are known`,
  })
}
