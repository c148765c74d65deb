import type { Config } from '../../../config/config.ts'
import type { CommandContext } from '../../context/command-context.ts'
import { warnOfUpdate } from '../../context/open-data.ts'
import { askYesNo } from '../../prompts/ask.ts'
import { formatAdoptResult, showing } from './adopt.ts'

/**
 * Takes over the repositories of Distribution beside the blobs before a server starts: with `--adopt`, or if somebody at a
 * terminal agrees. Otherwise the server logs how to do it. Errors: those of a takeover, `CliError` `CANCELLED`.
 */
export async function offerAdoption(context: CommandContext, config: Config): Promise<void> {
  const { io, flags } = context
  const { createBlobPlace } = await import('../../../app/folders/blob-place.ts')
  const folder = await createBlobPlace(config).findForeignRepositories()
  if (folder === undefined) return
  const question = `${folder} holds repositories of the Distribution registry. Take them over? Its blobs stay where they are`
  const isWanted =
    flags.adopt === true || (io.isInteractive && !context.isJson && (await askYesNo(io, question)))
  if (!isWanted) return
  const [{ adoptFolder }, { requireComplete }] = await Promise.all([
    import('../../../app/links/adopt-folder.ts'),
    import('../../../app/links/require-complete.ts'),
  ])
  const result = await showing(context, (onProgress) =>
    adoptFolder(config, { isPreview: false, keepsTree: false, onUpdate: warnOfUpdate(context), onProgress }),
  )
  // Standard output is for the log and the start message.
  if (!context.isJson) io.stderr.write(`${formatAdoptResult(result, false)}\n`)
  requireComplete(result)
}
