import type { Command } from 'commander'
import type { AdoptProgress, AdoptResult } from '../../../app/links/adopt-folder.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { mayMake } from '../../context/new-flag.ts'
import type { Io } from '../../io.ts'
import { openProgressLine, type Progress } from '../../output/progress-line.ts'
import { formatTable } from '../../output/table.ts'

const EXAMPLES = `
Examples:
  berth adopt /var/lib/registry --dry-run     what would be taken over, and what cannot be
  berth adopt /var/lib/registry               takes it over; its data folder is /var/lib/registry/berth
  berth adopt --config /etc/docker/registry/config.yml
  berth adopt /var/lib/registry --keep        and Distribution goes on; Berth removes no blobs meanwhile

FOLDER is the one that holds docker/registry/v2; without it that of the settings. No blob is copied or moved. It can be ended at
any time and run again, also while a server of Berth runs. "berth leave" is the way back.`

/** `berth adopt`. */
export function addAdoptCommand(program: Command, io: Io): void {
  program
    .command('adopt')
    .description('Take over a folder of the Distribution registry, in place.')
    .argument('[folder]', 'folder that holds docker/registry/v2')
    .option('--dry-run', 'report what would be taken over, and change nothing')
    .option('--keep', 'leave its links where they are, for a Distribution that goes on')
    .option('--new', 'make an empty database beside blobs whose database is lost')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const config = loadWithoutDomain(context, folder === undefined ? {} : { 'registry-root': folder })
      const [{ adoptFolder }, { requireComplete }] = await Promise.all([
        import('../../../app/links/adopt-folder.ts'),
        import('../../../app/links/require-complete.ts'),
      ])
      const isPreview = context.flags['dry-run'] === true
      const result = await showing(context, (onProgress) =>
        adoptFolder(config, {
          isPreview,
          keepsTree: context.flags.keep === true,
          mayMakeDatabase: mayMake(context),
          onProgress,
        }),
      )
      printResult(context, { ...result, isPreview }, formatAdoptResult(result, isPreview))
      requireComplete(result)
    })
}

/** Runs a takeover with its progress shown. */
export async function showing(
  { isJson, io }: CommandContext,
  work: (onProgress: (progress: AdoptProgress) => void) => Promise<AdoptResult>,
): Promise<AdoptResult> {
  using line = openProgressLine({ isJson, stderr: io.stderr })
  return await work((progress) => line.show(toLine(progress)))
}

function toLine({ done, total, manifests, tags, repository }: AdoptProgress): Progress {
  const text = `${done} of ${total} repositories, ${manifests} manifests, ${tags} tags: ${repository ?? ''}`
  return { done, total, text }
}

/** The result of a takeover in words. */
export function formatAdoptResult(result: AdoptResult, isPreview: boolean): string {
  const { repositories, blobs, manifests, tags, notes, state, formerTrees } = result
  if (state === 'was-adopted')
    return 'All of it was taken over before, and Distribution has written nothing since.'
  const rows = [
    ['blobs', String(blobs.adopted), String(blobs.known)],
    ['manifests', String(manifests.adopted), String(manifests.known)],
    ['tags', String(tags.adopted), String(tags.known)],
  ]
  const table = formatTable(['CONTENT', isPreview ? 'WOULD BE ADOPTED' : 'ADOPTED', 'KNOWN BEFORE'], rows)
  const odd = notes.flatMap(({ kind, count, examples }) =>
    examples.map((example, at) => [at === 0 ? kind : '', at === 0 ? String(count) : '', example]),
  )
  const oddities = odd.length === 0 ? [] : ['', formatTable(['NOTE', 'COUNT', 'FIRST OF THEM'], odd)]
  const ends = {
    adopted:
      'Taken over. Distribution finds no images in this folder any more; "berth leave" writes them for it again.',
    incomplete: 'What could be read is taken over; the links stay where they are.',
    kept: 'Distribution may go on: run it again for what is pushed there. Berth removes no blobs until it is run without --keep.',
  }
  const end = isPreview ? 'Nothing was changed.' : state === 'absent' ? ends.adopted : ends[state]
  // Facts that were here are not compared with the bytes: Distribution's own garbage collection may have removed some.
  const hint =
    state === 'adopted' && manifests.known > 0
      ? [
          'If Distribution has deleted or collected anything meanwhile, "berth scrub --now" finds images whose bytes are gone.',
        ]
      : []
  const former = formerTrees.map((folder) => `No longer needed, and can be removed: ${folder}`)
  return [`${repositories} repositories`, table, ...oddities, '', end, ...hint, ...former].join('\n')
}
