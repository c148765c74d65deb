import type { Command } from 'commander'
import type { LeaveProgress, LeaveResult } from '../../../app/links/leave-folder.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import type { Io } from '../../io.ts'
import { openProgressLine, type Progress } from '../../output/progress-line.ts'
import { formatTable } from '../../output/table.ts'

const EXAMPLES = `
Examples:
  berth leave                     while the server runs: writes all links
  berth leave                     again once it is stopped: what was pushed since, in a moment

Then Distribution serves the folder of the blobs, the one that "berth leave" prints. Berth removes no blobs from then on, until
"berth adopt" takes over what Distribution has got meanwhile.`

/** `berth leave`. */
export function addLeaveCommand(program: Command, io: Io): void {
  program
    .command('leave')
    .description('Write the links with which the Distribution registry serves the same folder.')
    .argument('[folder]', 'folder that holds docker/registry/v2; by default that of the settings')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const { leaveFolder } = await import('../../../app/links/leave-folder.ts')
      const config = loadWithoutDomain(context, folder === undefined ? {} : { 'registry-root': folder })
      using line = openProgressLine({ isJson: context.isJson, stderr: io.stderr })
      const result = await leaveFolder(config, {
        onProgress: (progress) => line.show(toLine(progress)),
      })
      line[Symbol.dispose]()
      printResult(context, result, formatLeaveResult(result))
    })
}

function toLine({ repository, repositories, manifests, tags }: LeaveProgress): Progress {
  const text = `${repositories} repositories, ${manifests} manifests, ${tags} tags: ${repository}`
  return { done: 0, total: 0, text }
}

function formatLeaveResult(result: LeaveResult): string {
  const { repositories, held, written, removed, referrers, sha512, formerTree, folder, adopted } = result
  const rows = (['blobs', 'manifests', 'tags'] as const).map((kind) => [
    kind,
    String(held[kind]),
    String(written[kind]),
    String(removed[kind]),
  ])
  const lines = [
    `${repositories} repositories`,
    formatTable(['LINKS TO', 'NOW', 'WRITTEN', 'REMOVED'], rows),
    '',
  ]
  const news = adopted ? adopted.manifests.adopted + adopted.tags.adopted : 0
  if (news > 0) lines.push(`Taken over first, as Distribution had written it: ${news} manifests and tags.`)
  if (adopted && adopted.notes.length > 0) {
    const kinds = adopted.notes.map(({ kind, count }) => `${count} ${kind}`).join(', ')
    lines.push(`Not all that is there could be taken over (${kinds}): "berth adopt --keep" lists it.`)
  }
  if (referrers > 0)
    lines.push(
      `${referrers} manifests refer to another one: Distribution serves them by digest, and has no list of them.`,
    )
  if (sha512 > 0)
    lines.push(`${sha512} blobs and manifests are named by sha512: Distribution serves them by that digest.`)
  if (formerTree !== undefined) lines.push(`No longer needed, and can be removed: ${formerTree}`)
  lines.push(`Distribution can serve ${folder} now. "berth adopt" is the way back.`)
  return lines.join('\n')
}
