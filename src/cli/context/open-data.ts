import type { OpenData } from '../../app/data/open-data.ts'
import { describeUpdate } from '../../app/database/describe-update.ts'
import type { CommandContext } from './command-context.ts'
import { findOperator } from './find-operator.ts'
import { loadWithoutDomain } from './load-without-domain.ts'
import { mayMake } from './new-flag.ts'

/** True for a command with `--new`: only such a command may make data. */
interface NewOptions {
  readonly takesNew?: boolean
}

/**
 * Opens the data of the settings. Loaded only when needed: help and mistakes do not load the server's parts. Errors:
 * `AppError`, `DATA_NOT_FOUND` among them; `DatabaseError`, such as `SCHEMA_OLD`: only a start updates the schema.
 */
export async function openDataOf(
  context: CommandContext,
  { takesNew = false }: NewOptions = {},
): Promise<OpenData> {
  const config = loadWithoutDomain(context)
  const { openData } = await import('../../app/data/open-data.ts')
  return await openData(config, {
    mayMake: takesNew && mayMake(context),
    takesNew,
    by: findOperator(),
  })
}

/** Prints, before a command updates the schema of the database, what that means. */
export function warnOfUpdate(
  context: CommandContext,
): (update: Parameters<typeof describeUpdate>[0]) => void {
  return (update) => context.warn(describeUpdate(update))
}

/** Checks that the data exist, before a prompt. Errors: `AppError` `DATA_NOT_FOUND`. */
export async function requireDataOf(
  context: CommandContext,
  { takesNew = false }: NewOptions = {},
): Promise<void> {
  if (takesNew && mayMake(context)) return
  const { requireFacts } = await import('../../app/data/require-data.ts')
  await requireFacts(loadWithoutDomain(context), { takesNew })
}
